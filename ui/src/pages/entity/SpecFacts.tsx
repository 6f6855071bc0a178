import type { Entity } from '@/api/types';
import { Panel } from './RelatedList';
import { CodeBlock } from '@/kit/CodeBlock';

/** What relations, facts and viewers show already. */
const shown = new Set([
  'type',
  'lifecycle',
  'owner',
  'system',
  'domain',
  'definition',
  'providesApis',
  'consumesApis',
  'dependsOn',
  'dependencyOf',
  'subcomponentOf',
  'subdomainOf',
  'remotes',
]);

const words = (key: string) => {
  const text = key.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
};

const flat = (value: unknown) => typeof value !== 'object' || value === null;

function Value({ value }: { value: unknown }) {
  if (flat(value)) return <>{String(value)}</>;
  if (Array.isArray(value) && value.every(flat)) return <>{value.map(String).join(', ')}</>;
  return <CodeBlock>{JSON.stringify(value, null, 2)}</CodeBlock>;
}

/** The fields of a kind that this page knows nothing about, as they are. */
export function SpecFacts({ entity }: { entity: Entity }) {
  const rest = Object.entries(entity.spec ?? {}).filter(([key]) => !shown.has(key));
  if (rest.length === 0) return null;
  return (
    <Panel title="Details">
      <dl className="facts facts-wide">
        {rest.map(([key, value]) => (
          <div className="fact" key={key}>
            <dt>{words(key)}</dt>
            <dd>
              <Value value={value} />
            </dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}
