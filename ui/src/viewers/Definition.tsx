import { IconAlertTriangle } from '@tabler/icons-react';
import { lazy, Suspense, useMemo } from 'react';
import { Code } from './Code';
import { readDocument } from './document';
import type { Language } from './highlight';
import { text as plain } from './json';
import { readProto } from './proto/model';
import './viewers.css';

const OpenApiViewer = lazy(() => import('./openapi/OpenApiViewer'));
const AsyncApiViewer = lazy(() => import('./asyncapi/AsyncApiViewer'));
const GraphqlDefinition = lazy(() => import('./graphql/GraphqlDefinition'));
const ProtoViewer = lazy(() => import('./proto/ProtoViewer'));

interface DefinitionProps {
  /** The API's spec.type. */
  type: string;
  text: string;
  source: boolean;
}

/** The types that have a viewer; everything else is shown as text. */
export const readable = (type: string): boolean =>
  ['openapi', 'asyncapi', 'graphql', 'grpc'].includes(type.toLowerCase());

export function languageOf(type: string, text: string): Language {
  const known: Record<string, Language> = { graphql: 'graphql', grpc: 'proto' };
  const start = text.trimStart().charAt(0);
  return known[type.toLowerCase()] ?? (start === '{' || start === '[' ? 'json' : looksYaml(text));
}

const looksYaml = (text: string): Language => (/^[\w"'-]+\s*:/m.test(text) ? 'yaml' : 'text');

/** The definition of an API in the form that suits its type. */
export function Definition({ type, text, source }: DefinitionProps) {
  const language = languageOf(type, text);
  if (source) return <Code text={text} language={language} label="Definition" />;
  return (
    <Suspense fallback={<div className="api-doc sk-live" />}>
      <Viewer type={type.toLowerCase()} text={text} language={language} />
    </Suspense>
  );
}

function Viewer({ type, text, language }: { type: string; text: string; language: Language }) {
  switch (type) {
    case 'openapi':
    case 'asyncapi':
      return <Document type={type} text={text} language={language} />;
    case 'graphql':
      return <GraphqlDefinition text={text} />;
    case 'grpc':
      return <Grpc text={text} />;
    default:
      return <Code text={text} language={language} label="Definition" />;
  }
}

const keys = { openapi: ['openapi', 'swagger'], asyncapi: ['asyncapi'] };

interface DocumentProps {
  type: 'openapi' | 'asyncapi';
  text: string;
  language: Language;
}

function Document({ type, text, language }: DocumentProps) {
  const read = useMemo(() => readDocument(text), [text]);
  if ('error' in read) return <Broken {...read} text={text} language={language} />;
  if (!keys[type].some(key => plain(read.document[key]))) {
    return (
      <Broken
        error={`It has no field “${keys[type][0]}”, so it is no ${type} document.`}
        text={text}
        language={language}
      />
    );
  }
  const View = type === 'openapi' ? OpenApiViewer : AsyncApiViewer;
  return <View document={read.document} />;
}

function Grpc({ text }: { text: string }) {
  const read = useMemo(() => readProto(text), [text]);
  if ('error' in read) return <Broken {...read} text={text} language="proto" />;
  return <ProtoViewer proto={read} />;
}

interface BrokenProps {
  error: string;
  line?: number;
  text: string;
  language: Language;
}

/** A definition that cannot be read: why, where, and the text itself. */
export function Broken({ error, line, text, language }: BrokenProps) {
  return (
    <div className="broken">
      <div className="notice" role="status">
        <IconAlertTriangle size={17} stroke={1.7} aria-hidden />
        <div>
          <strong>This definition cannot be read{line ? `: line ${line}` : ''}</strong>
          <p className="broken-text">{error}</p>
        </div>
      </div>
      <Code text={text} language={language} label="Definition" mark={line} />
    </div>
  );
}
