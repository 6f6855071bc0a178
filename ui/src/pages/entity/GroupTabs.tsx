import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { IconUsers } from '@tabler/icons-react';
import type { Entity } from '@/api/types';
import { KindIcon } from '@/catalog/kinds';
import { entityPath, formatRef, parseRef, refOf, titleOf } from '@/catalog/ref';
import { AppLink } from '@/kit/AppLink';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { Message, Segmented } from '@/kit/kit';
import type { OrgNode } from './org';
import { People } from './People';
import { membersOf, membersShown, useOrg } from './useOrg';

/** The members of a group, direct ones or with those of its sub-groups. */
export function GroupMembers({ entity }: { entity: Entity }) {
  const ref = formatRef(refOf(entity));
  const raw = useSearch({ strict: false }) as Record<string, string | undefined>;
  const navigate = useNavigate();
  const all = raw.members === 'all';
  const org = useOrg(ref);
  const query = useQuery({
    ...membersOf(all ? org.below : [ref]),
    enabled: !all || org.trees !== undefined,
    placeholderData: before => before,
  });
  const total = query.data?.totalItems;
  if (query.isError && !query.data) {
    return <ErrorMessage error={query.error} retry={() => void query.refetch()} />;
  }
  return (
    <section aria-label="Members">
      <div className="tab-head">
        <p className="muted num">
          {total === undefined ? ' ' : `${total} ${total === 1 ? 'person' : 'people'}`}
          {all && org.below.length > 1 && ` in ${org.below.length} groups`}
          {total && total > membersShown ? `, the first ${membersShown} shown` : ''}
        </p>
        <Segmented
          label="Which members"
          value={all ? 'all' : 'direct'}
          options={[
            { value: 'direct', label: 'Direct' },
            { value: 'all', label: 'With sub-groups' },
          ]}
          onChange={value =>
            void navigate({
              to: '.',
              search: { ...raw, members: value === 'all' ? 'all' : undefined } as never,
              replace: true,
            })
          }
        />
      </div>
      {total === 0 ? (
        <Message
          icon={IconUsers}
          title={`Nobody is ${all ? '' : 'directly '}in ${titleOf(entity)}`}
          actions={
            !all &&
            org.below.length > 1 && (
              <AppLink className="btn" href={`${entityPath(refOf(entity))}/members?members=all`}>
                Include sub-groups
              </AppLink>
            )
          }
        >
          <p>
            A user belongs to the groups in their <code>spec.memberOf</code>; a group can also list
            its <code>spec.members</code>.
          </p>
        </Message>
      ) : (
        query.data && <People users={query.data.items} />
      )}
    </section>
  );
}

/** The whole organisation around a group as a tree. */
export function GroupTree({ entity }: { entity: Entity }) {
  const ref = formatRef(refOf(entity));
  const org = useOrg(ref);
  if (org.query.isError && !org.trees) {
    return <ErrorMessage error={org.query.error} retry={() => void org.query.refetch()} />;
  }
  return (
    <section aria-label="Organisation" className="org">
      {org.truncated && (
        <div className="notice notice-amber">
          The organisation is larger than this picture; groups far from here are left out.
        </div>
      )}
      <ul className="org-tree">
        {org.trees?.map(node => (
          <Branch key={node.ref} node={node} current={ref} />
        ))}
      </ul>
    </section>
  );
}

function Branch({ node, current }: { node: OrgNode; current: string }) {
  return (
    <li>
      <AppLink
        className="org-node"
        href={entityPath(parseRef(node.ref))}
        aria-current={node.ref === current ? 'page' : undefined}
        data-missing={!node.found || undefined}
      >
        <KindIcon kind="group" size={15} />
        <span className="org-name">{node.title}</span>
        {node.type && <span className="related-note">{node.type}</span>}
      </AppLink>
      {node.children.length > 0 && (
        <ul>
          {node.children.map(child => (
            <Branch key={child.ref} node={child} current={current} />
          ))}
        </ul>
      )}
    </li>
  );
}
