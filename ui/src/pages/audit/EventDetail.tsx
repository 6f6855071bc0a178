import type { ReactNode } from 'react';
import type { AuditEvent } from '@/api/audit';
import { EntityLink } from '@/catalog/EntityLink';
import { moment } from '@/catalog/time';
import { CodeBlock } from '@/kit/CodeBlock';
import { CopyButton } from '@/kit/CopyButton';
import type { Filters } from './state';

interface EventDetailProps {
  event: AuditEvent;
  onFilter: (filters: Filters) => void;
}

const isRef = (text: string) => /^[a-z]+:[^\s:/]+\/[^\s:/]+$/i.test(text);

/** A ref as a link, anything else as it is. */
function Name({ children: text }: { children: string }) {
  if (isRef(text) && !text.startsWith('external:'))
    return <EntityLink to={text} defaults={{}} icon />;
  return <span className="mono">{text}</span>;
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  if (!children) return null;
  return (
    <div className="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Everything about an event, and the way to events like it. */
export function EventDetail({ event, onFilter }: EventDetailProps) {
  const { at, plugin, name, severity, status, actor, target, reason, request, meta } = event;
  const text = JSON.stringify(event, null, 2);
  return (
    <div className="event-detail">
      <dl className="facts facts-wide">
        <Fact name="Time">
          <span title={at}>{moment(at)}</span>
          <span className="mono muted">{at}</span>
        </Fact>
        <Fact name="Event">
          <span>
            <span className="mono">{name}</span> of {plugin}, severity {severity}
          </span>
        </Fact>
        <Fact name="Result">{reason ? `${status}: ${reason}` : status}</Fact>
        <Fact name="Actor">
          {actor.subject ? <Name>{actor.subject}</Name> : 'Nobody who is signed in'}
          {actor.via && <span className="muted">through {actor.via}</span>}
        </Fact>
        <Fact name="Target">{target && <Name>{target}</Name>}</Fact>
        <Fact name="From">
          {actor.ip && <span className="mono">{actor.ip}</span>}
          {actor.userAgent && <span className="muted">{actor.userAgent}</span>}
        </Fact>
        <Fact name="Request">
          {request.id && (
            <>
              <span className="mono">
                {request.method} {request.path}
              </span>
              <span className="event-hash">
                <span className="mono muted">{request.id}</span>
                <CopyButton text={request.id} what="the request id" />
              </span>
            </>
          )}
        </Fact>
        <Fact name="Number">
          <span className="num">{event.seq}</span>
        </Fact>
        <Fact name="Hash">
          <span className="event-hash">
            <span className="mono">{event.hash}</span>
            <CopyButton text={event.hash} what="the hash" />
          </span>
          <span className="muted">
            follows <span className="mono">{event.previous || 'nothing'}</span>
          </span>
        </Fact>
      </dl>
      {Object.keys(meta).length > 0 && (
        <div className="event-meta">
          <p>Facts</p>
          <CodeBlock>{JSON.stringify(meta, null, 2)}</CodeBlock>
        </div>
      )}
      <details className="event-json">
        <summary>As JSON</summary>
        <CodeBlock>{text}</CodeBlock>
      </details>
      <div className="event-actions">
        {actor.subject && (
          <button type="button" className="btn" onClick={() => onFilter({ actor: actor.subject })}>
            More by this actor
          </button>
        )}
        {target && (
          <button type="button" className="btn" onClick={() => onFilter({ target })}>
            More on this target
          </button>
        )}
        <button type="button" className="btn" onClick={() => onFilter({ event: name, plugin })}>
          More of this event
        </button>
        <CopyButton text={text} what="the event" label="Copy JSON" />
      </div>
    </div>
  );
}
