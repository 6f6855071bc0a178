import { useQuery } from '@tanstack/react-query';
import { analysisOf } from '@/api/entity';
import { GenerateStep } from './GenerateStep';
import { ReadFailure } from './ReadFailure';
import { TrialStep } from './TrialStep';
import { Waiting } from './Waiting';

/** A repository: its catalog files, or a proposal for one. */
export function AnalysisStep({ target }: { target: string }) {
  const query = useQuery(analysisOf(target));
  if (query.isError) {
    return <ReadFailure error={query.error} target={target} retry={() => void query.refetch()} />;
  }
  if (!query.data) return <Waiting text="Looking for catalog files…" />;
  const files = [...new Set(query.data.existingEntityFiles.map(({ location }) => location.target))];
  if (files.length > 0) return <TrialStep targets={files} choose={files.length > 1} />;
  return <GenerateStep target={target} proposal={query.data.generateEntities[0]?.entity} />;
}
