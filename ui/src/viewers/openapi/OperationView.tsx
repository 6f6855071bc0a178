import { IconLock } from '@tabler/icons-react';
import { useState } from 'react';
import { CopyButton } from '@/kit/CopyButton';
import { deref, list, text } from '../json';
import { sampleOf, typeLabel, limitsOf } from '../schema';
import { SchemaView } from '../SchemaView';
import type { Answer, Content, OpenApi, Operation, Parameter } from './model';
import { CodeBlock } from '@/kit/CodeBlock';

interface OperationViewProps {
  api: OpenApi;
  operation: Operation;
  open: boolean;
  onToggle: (open: boolean) => void;
}

/** One operation: a line that opens to parameters, body and answers. */
export function OperationView({ api, operation, open, onToggle }: OperationViewProps) {
  const { id, method, path, summary, deprecated, security } = operation;
  return (
    <div className="op" id={id} data-deprecated={deprecated || undefined}>
      <button
        type="button"
        className="op-head"
        aria-expanded={open}
        onClick={() => onToggle(!open)}
      >
        <span className="op-method mono" data-method={method}>
          {method}
        </span>
        <span className="op-path mono">{path}</span>
        <span className="op-summary">{summary}</span>
        {deprecated && <span className="op-note">deprecated</span>}
        {security.length > 0 && (
          <IconLock size={14} stroke={1.7} aria-label={`needs ${security.join(', ')}`} />
        )}
      </button>
      {open && <Body api={api} operation={operation} />}
    </div>
  );
}

function Body({ api, operation }: { api: OpenApi; operation: Operation }) {
  const { description, parameters, body, answers, security, id } = operation;
  const link = `${location.origin}${location.pathname}#${encodeURIComponent(id)}`;
  return (
    <div className="op-body">
      <div className="op-tools">
        <CopyButton text={link} what="a link to this operation" label="Copy link" />
        {security.length > 0 && <span className="muted">Needs {security.join(' or ')}</span>}
      </div>
      {description && <p className="api-text">{description}</p>}
      {parameters.length > 0 && (
        <section>
          <h4>Parameters</h4>
          <Parameters api={api} parameters={parameters} />
        </section>
      )}
      {body && (
        <section>
          <h4>Body {!body.required && <span className="muted">optional</span>}</h4>
          {body.description && <p className="api-text">{body.description}</p>}
          <Contents api={api} contents={body.contents} />
        </section>
      )}
      <section>
        <h4>Answers</h4>
        {answers.length === 0 && <p className="muted">None are described.</p>}
        {answers.map(answer => (
          <AnswerView key={answer.status} api={api} answer={answer} />
        ))}
      </section>
    </div>
  );
}

function Parameters({ api, parameters }: { api: OpenApi; parameters: Parameter[] }) {
  return (
    <ul className="schema-rows">
      {parameters.map(({ name, place, required, description, schema }) => {
        const resolved = deref(api.root, schema);
        const values = list(resolved.enum);
        return (
          <li key={place + name}>
            <div className="schema-head">
              <span className="schema-name mono">{name}</span>
              <span className="schema-kind mono">{typeLabel(api.root, schema)}</span>
              <span className="op-note">in {place}</span>
              {required && <span className="schema-required">required</span>}
            </div>
            <div className="schema-notes">
              {description && <p>{description}</p>}
              {values.length > 0 && (
                <p className="schema-values">
                  {values.map((value, at) => (
                    <code key={at}>{text(value) || JSON.stringify(value)}</code>
                  ))}
                </p>
              )}
              {limitsOf(resolved).length > 0 && (
                <p className="schema-limits">{limitsOf(resolved).join(' · ')}</p>
              )}
            </div>
          </li>
        );
      })}
    </ul>
  );
}

function AnswerView({ api, answer }: { api: OpenApi; answer: Answer }) {
  return (
    <div className="answer">
      <p className="answer-head">
        <span className="mono answer-status" data-class={answer.status.charAt(0)}>
          {answer.status}
        </span>
        {answer.description}
      </p>
      {answer.headers.length > 0 && (
        <p className="schema-limits">Headers: {answer.headers.join(', ')}</p>
      )}
      <Contents api={api} contents={answer.contents} />
    </div>
  );
}

function Contents({ api, contents }: { api: OpenApi; contents: Content[] }) {
  return (
    <>
      {contents.map(content => (
        <ContentView key={content.mediaType} api={api} content={content} />
      ))}
    </>
  );
}

function ContentView({ api, content }: { api: OpenApi; content: Content }) {
  const [example, setExample] = useState(false);
  const { mediaType, schema } = content;
  const shown = () => {
    const value = content.example ?? sampleOf(api.root, schema);
    return typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  };
  return (
    <div className="content">
      <div className="content-head">
        <span className="mono muted">{mediaType}</span>
        <button
          type="button"
          className="content-switch"
          aria-pressed={example}
          onClick={() => setExample(!example)}
        >
          {example ? 'Schema' : 'Example'}
        </button>
      </div>
      {example ? (
        <CodeBlock>{shown()}</CodeBlock>
      ) : schema !== undefined ? (
        <SchemaView root={api.root} schema={schema} />
      ) : (
        <p className="muted">No schema is given.</p>
      )}
    </div>
  );
}
