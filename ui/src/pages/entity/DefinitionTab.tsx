import type { Entity } from '@/api/types';

export default function DefinitionTab({ entity }: { entity: Entity }) {
  return <p>{entity.kind}</p>;
}
