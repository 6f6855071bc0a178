import { useMemo } from 'react';
import { Broken } from '../Definition';
import GraphqlViewer from './GraphqlViewer';
import { readGraphql } from './model';

/** Reads a schema and shows it, or why it cannot be read. */
export default function GraphqlDefinition({ text }: { text: string }) {
  const read = useMemo(() => readGraphql(text), [text]);
  if ('error' in read) return <Broken {...read} text={text} language="graphql" />;
  return <GraphqlViewer types={read.types} />;
}
