import { useQueries } from '@tanstack/react-query';
import { IconCheck, IconRefresh } from '@tabler/icons-react';
import { useState } from 'react';
import { trialOf } from '@/api/entity';
import { formatRef, refOf } from '@/catalog/ref';
import { ReadFailure } from './ReadFailure';
import { RegisterStep } from './RegisterStep';
import { broughtBy, TrialPreview } from './TrialPreview';
import { Waiting } from './Waiting';

interface TrialStepProps {
  targets: string[];
  /** Several were found; not all of them may be wanted. */
  choose?: boolean;
}

/** What registering would bring, per target, and the button that does it. */
export function TrialStep({ targets, choose }: TrialStepProps) {
  const trials = useQueries({ queries: targets.map(trialOf) });
  const [left, setLeft] = useState<string[]>([]);
  const [started, setStarted] = useState(false);
  const wanted = targets.filter((target, at) => trials[at]?.data && !left.includes(target));
  const ready = trials.every(trial => !trial.isPending);
  const entities = targets.flatMap((target, at) => {
    const trial = trials[at]?.data;
    return trial && !left.includes(target) ? broughtBy(trial) : [];
  });
  const known = trials.filter(
    (trial, at) => trial.data?.exists && !left.includes(targets[at] ?? ''),
  ).length;
  if (started) {
    return (
      <RegisterStep
        targets={wanted}
        refs={[...new Set(entities.map(entity => formatRef(refOf(entity))))]}
        back={() => setStarted(false)}
      />
    );
  }
  if (!ready) return <Waiting text="Reading and checking, nothing is stored yet…" />;
  const onlyKnown = known > 0 && known === wanted.length;
  return (
    <>
      {targets.map((target, at) => {
        const trial = trials[at];
        if (trial?.isError) {
          return (
            <ReadFailure
              key={target}
              error={trial.error}
              target={target}
              retry={() => void trial.refetch()}
            />
          );
        }
        return (
          trial?.data && (
            <TrialPreview
              key={target}
              target={target}
              trial={trial.data}
              chosen={choose ? !left.includes(target) : undefined}
              onChoose={chosen =>
                setLeft(chosen ? left.filter(other => other !== target) : [...left, target])
              }
            />
          )
        );
      })}
      {wanted.length > 0 && (
        <div className="import-actions import-go">
          <button type="button" className="btn btn-primary" onClick={() => setStarted(true)}>
            {onlyKnown ? (
              <IconRefresh size={15} aria-hidden />
            ) : (
              <IconCheck size={15} aria-hidden />
            )}
            {onlyKnown
              ? 'Read it again now'
              : wanted.length > 1
                ? `Register ${wanted.length} files`
                : entities.length === 0
                  ? 'Register it anyway'
                  : 'Register'}
          </button>
          <span className="muted">
            {onlyKnown
              ? 'It is registered already.'
              : `${entities.length} ${entities.length === 1 ? 'entity' : 'entities'} will appear.`}
          </span>
        </div>
      )}
    </>
  );
}
