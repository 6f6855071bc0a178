import { useQuery, useQueryClient } from '@tanstack/react-query';
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconClock,
  IconMapQuestion,
  IconRefresh,
  type Icon,
} from '@tabler/icons-react';
import { useState } from 'react';
import { explain, refreshEntity, unprocessed, type Explanation, type Verdict } from '@/api/entity';
import { useMayOn } from '@/api/permission';
import { useCanRegister } from '@/app/nav';
import { entityPath, parseRef } from '@/catalog/ref';
import { AppLink } from '@/kit/AppLink';
import { ErrorMessage } from '@/kit/ErrorMessage';
import { FailedList } from './FailedList';
import { RefusedPanel } from './LeftOut';
import { Conflicts, Sources } from './parts';
import { bareTarget, type Question } from './question';

const looks: Record<Verdict, [icon: Icon, tone: 'good' | 'bad' | 'wait' | 'none', title: string]> =
  {
    present: [IconCircleCheck, 'good', 'It is in the catalog'],
    location: [IconCircleCheck, 'good', 'This place is read'],
    pending: [IconClock, 'wait', 'It waits to be processed'],
    invalid: [IconAlertTriangle, 'bad', 'It was read, but is not valid'],
    refused: [IconAlertTriangle, 'bad', 'It was left out'],
    conflict: [IconAlertTriangle, 'bad', 'Something else has its name'],
    unknown: [IconMapQuestion, 'none', 'Nothing mentions it'],
    problems: [IconAlertTriangle, 'bad', 'Problems'],
  };

/** The answer about one entity or one place. */
export function ExplanationView({ question }: { question: Exclude<Question, { sort: 'name' }> }) {
  const subject =
    question.sort === 'target' ? { target: question.target } : { entityRef: question.entityRef };
  const query = useQuery(explain(subject));
  const place = question.sort === 'target' ? bareTarget(question.target) : undefined;
  const notValid = useQuery({ ...unprocessed('failed'), enabled: place !== undefined });
  const sources = new Set(query.data?.sources?.map(source => source.entityRef));
  const failed = (notValid.data ?? []).filter(
    // A location fails with what is in it; that stands above already.
    item => bareTarget(item.location_key) === place && !sources.has(item.entity_ref),
  );
  const client = useQueryClient();
  const [told, setTold] = useState<string>();
  const canRegister = useCanRegister();
  const reading = query.data?.entity?.entityRef ?? query.data?.sources?.[0]?.entityRef;
  const mayRead = useMayOn(reading);
  if (query.isError) {
    return <ErrorMessage error={query.error} retry={() => void query.refetch()} />;
  }
  const answer = query.data;
  if (!answer) return <div className="panel sk-live why-wait" />;

  const [Glyph, tone, title] = looks[answer.verdict];
  const left = (answer.refused?.length ?? 0) + (answer.conflicts?.length ?? 0) + failed.length;
  const unread = answer.sources?.[0]?.problems?.length ?? 0;
  const troubled =
    (answer.verdict === 'present' && Boolean(answer.entity?.problems?.length)) ||
    (answer.verdict === 'location' && left + unread > 0);
  const refresh = async () => {
    if (!reading) return;
    setTold('Reading again…');
    try {
      await refreshEntity(reading);
      setTold('Read again.');
    } catch (cause) {
      setTold((cause as Error).message);
    }
    setTimeout(() => void client.invalidateQueries({ queryKey: ['explain'] }), 900);
  };
  return (
    <>
      <section className="panel verdict" data-tone={troubled ? 'bad' : tone} aria-label="Answer">
        <Glyph size={22} stroke={1.7} aria-hidden />
        <div>
          <h2>{troubled ? troubles[answer.verdict] : title}</h2>
          <p className="verdict-text">{messageOf(answer, left)}</p>
          <p className="muted">
            {troubled && answer.verdict === 'location' ? correct : adviceFor(answer)}
          </p>
          <div className="verdict-actions">
            {answer.verdict === 'present' && question.sort === 'entity' && (
              <AppLink className="btn btn-primary" href={entityPath(parseRef(question.entityRef))}>
                Open it
              </AppLink>
            )}
            {answer.verdict === 'unknown' && canRegister && (
              <AppLink
                className="btn btn-primary"
                href={
                  question.sort === 'target' && question.target.includes('://')
                    ? `/catalog-import?url=${encodeURIComponent(bareTarget(question.target))}`
                    : '/catalog-import'
                }
              >
                Register its file
              </AppLink>
            )}
            {reading && mayRead.refresh !== false && (
              <button type="button" className="btn" onClick={() => void refresh()}>
                <IconRefresh size={15} aria-hidden />
                Read it again now
              </button>
            )}
            <span className="muted" role="status">
              {told}
            </span>
          </div>
        </div>
      </section>
      {answer.entity?.problems?.map((problem, at) => (
        <div className="notice" key={at}>
          <IconAlertTriangle size={17} stroke={1.7} aria-hidden />
          <div className="verdict-text">{problem.message}</div>
        </div>
      ))}
      {answer.refused && answer.refused.length > 0 && <RefusedPanel items={answer.refused} />}
      {failed.length > 0 && <FailedList title="Found, but not valid" items={failed} />}
      {answer.conflicts && answer.conflicts.length > 0 && <Conflicts items={answer.conflicts} />}
      {answer.sources && answer.sources.length > 0 && (
        <Sources items={answer.sources} quiet={left > 0} />
      )}
    </>
  );
}

const troubles: Partial<Record<Verdict, string>> = {
  present: 'It is in the catalog, but its source has a problem',
  location: 'This place is read, but not everything in it was taken',
};

const correct = 'Correct what is said below. It is read again by itself.';

/** The server's sentence, or a shorter one where the details stand below anyway. */
function messageOf({ verdict, message, children = 0 }: Explanation, left: number): string {
  if (verdict !== 'location' || left === 0) return message;
  const documents = left === 1 ? '1 document is' : `${left} documents are`;
  return `It brings ${children} ${children === 1 ? 'entity' : 'entities'}; ${documents} not in the catalog.`;
}

/** What to do about a verdict. */
function adviceFor({ verdict, entity, children }: Explanation): string {
  switch (verdict) {
    case 'present':
      if (entity?.orphan) return 'Put it back into a registered file, or remove it if it is gone.';
      if (entity?.problems?.length)
        return 'Correct the file. It is read again by itself; the button below does it at once.';
      return 'If it looks old, its source can be read again at once.';
    case 'location':
      return children === 0
        ? 'It brings nothing. Check that the file has documents with apiVersion, kind and metadata.'
        : 'It is read regularly, and at once when its file or repository tells of a change.';
    case 'pending':
      return 'That takes a moment. If it stays so, read it again.';
    case 'invalid':
    case 'refused':
      return correct;
    case 'conflict':
      return 'A name belongs to whoever came first. Rename this one, or remove the other.';
    default:
      return 'Its file was probably never registered, or the provider that should find it does not look there. Check the spelling, kind and namespace, too.';
  }
}
