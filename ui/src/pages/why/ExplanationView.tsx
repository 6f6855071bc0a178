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
import { explain, refreshEntity, type Explanation, type Verdict } from '@/api/entity';
import { entityPath, parseRef } from '@/catalog/ref';
import { RefusedList } from '@/catalog/RefusedList';
import { AppLink } from '@/kit/AppLink';
import { ErrorMessage } from '@/kit/ErrorMessage';
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
  const client = useQueryClient();
  const [told, setTold] = useState<string>();
  if (query.isError) {
    return <ErrorMessage error={query.error} retry={() => void query.refetch()} />;
  }
  const answer = query.data;
  if (!answer) return <div className="panel sk-live why-wait" />;

  const [Glyph, tone, title] = looks[answer.verdict];
  const reading = answer.entity?.entityRef ?? answer.sources?.[0]?.entityRef;
  const troubled = answer.verdict === 'present' && Boolean(answer.entity?.problems?.length);
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
          <h2>{troubled ? 'It is in the catalog, but its source has a problem' : title}</h2>
          <p className="verdict-text">{answer.message}</p>
          <p className="muted">{adviceFor(answer)}</p>
          <div className="verdict-actions">
            {answer.verdict === 'present' && question.sort === 'entity' && (
              <AppLink className="btn btn-primary" href={entityPath(parseRef(question.entityRef))}>
                Open it
              </AppLink>
            )}
            {answer.verdict === 'unknown' && (
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
            {reading && (
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
      {answer.refused && answer.refused.length > 0 && (
        <section className="panel" aria-label="Left out">
          <div className="panel-head">
            <h2>Left out</h2>
            <span className="panel-count num">{answer.refused.length}</span>
          </div>
          <RefusedList items={answer.refused} />
        </section>
      )}
      {answer.conflicts && answer.conflicts.length > 0 && <Conflicts items={answer.conflicts} />}
      {answer.sources && answer.sources.length > 0 && <Sources items={answer.sources} />}
    </>
  );
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
      return 'Correct what is said below in its file. It is read again by itself.';
    case 'conflict':
      return 'A name belongs to whoever came first. Rename this one, or remove the other.';
    default:
      return 'Its file was probably never registered, or the provider that should find it does not look there. Check the spelling, kind and namespace, too.';
  }
}
