import { useQuery } from '@tanstack/react-query';
import { visibleTo, type Visible } from '@/api/policy';
import { EntityLink } from '@/catalog/EntityLink';
import { KindIcon, kindInfo } from '@/catalog/kinds';
import { AppLink } from '@/kit/AppLink';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { Answer } from './parts';
import type { TabProps } from './PolicyPage';
import { RefPicker } from './RefPicker';
import { addressOf } from './state';

const number = (value: number) => value.toLocaleString('en');

/** How much of the catalog somebody sees, kind by kind. */
export function SeesTab({ user, change }: TabProps) {
  const query = useQuery({ ...visibleTo(user), enabled: user !== '' });
  return (
    <>
      <div className="policy-ask">
        <RefPicker
          label="User"
          placeholder="A user's name, or a ref such as user:default/ada"
          kind="user"
          value={user}
          onPick={ref => change({ user: ref })}
        />
      </div>
      <div className="why-answer" aria-live="polite">
        {query.isError ? (
          <ErrorMessage error={query.error} retry={() => void query.refetch()} />
        ) : query.data ? (
          <Seen data={query.data} />
        ) : (
          <div className="panel sk-live why-wait" />
        )}
      </div>
    </>
  );
}

function Seen({ data }: { data: Visible }) {
  const { user, ownership, result, reason, source, visible, total, kinds } = data;
  const everything = visible === total;
  return (
    <>
      <Answer
        result={result}
        title={
          everything
            ? `Sees everything: ${number(total)} entities`
            : `Sees ${number(visible)} of ${number(total)} entities`
        }
        reason={reason}
        source={source}
      >
        <div className="verdict-actions">
          <AppLink className="btn" href={addressOf({ tab: 'explain', user })}>
            Explain
          </AppLink>
        </div>
      </Answer>
      <section className="panel" aria-label="Belongs to">
        <div className="panel-head">
          <h2>Decided as</h2>
        </div>
        <ul className="owner-refs">
          {[...new Set([user, ...ownership])].map(ref => (
            <li key={ref}>
              <EntityLink to={ref} defaults={{}} icon />
            </li>
          ))}
        </ul>
      </section>
      <section className="panel" aria-label="By kind">
        <div className="panel-head">
          <h2>By kind</h2>
        </div>
        {kinds.length === 0 ? (
          <p className="panel-note">The catalog is empty.</p>
        ) : (
          <table className="mini-table kinds-table">
            <thead>
              <tr>
                <th scope="col">Kind</th>
                <th scope="col" className="cell-num">
                  Visible
                </th>
                <th scope="col" className="cell-num">
                  All
                </th>
                <th scope="col" className="cell-meter">
                  <span className="vh">Share</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {kinds.map(row => (
                <KindRow key={row.kind} {...row} />
              ))}
            </tbody>
          </table>
        )}
      </section>
    </>
  );
}

function KindRow({ kind, visible, total }: Visible['kinds'][number]) {
  const part = total ? visible / total : 0;
  return (
    <tr data-none={visible === 0 || undefined}>
      <td>
        <AppLink
          className="entity-link"
          href={`/catalog?filters[kind]=${kind.toLowerCase()}`}
          title={`The ${kindInfo(kind).plural} that you see`}
        >
          <KindIcon kind={kind} size={15} />
          <span>{kindInfo(kind).plural}</span>
        </AppLink>
      </td>
      <td className="cell-num num">{number(visible)}</td>
      <td className="cell-num num">{number(total)}</td>
      <td className="cell-meter">
        <span className="meter" aria-hidden>
          <span style={{ width: `${Math.round(part * 100)}%` }} />
        </span>
      </td>
    </tr>
  );
}
