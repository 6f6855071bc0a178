import { IconChevronRight, IconCircleCheck, IconCircleX } from '@tabler/icons-react';
import type { AuditEvent } from '@/api/audit';
import { moment } from '@/catalog/time';
import { EventDetail } from './EventDetail';
import type { Filters } from './state';

interface EventRowProps {
  event: AuditEvent;
  open: boolean;
  onToggle: () => void;
  onFilter: (filters: Filters) => void;
}

const day = new Intl.DateTimeFormat('en', { month: 'short', day: 'numeric' });
const clock = new Intl.DateTimeFormat('en', { timeStyle: 'medium', hourCycle: 'h23' });

/** Who it was, as short as it stays clear. */
export const actorOf = ({ actor }: AuditEvent) => actor.subject || 'nobody';

/** One event in a line; a click unfolds it. */
export function EventRow({ event, open, onToggle, onFilter }: EventRowProps) {
  const { at, plugin, name, severity, status, target, reason } = event;
  const when = new Date(at);
  const Glyph = status === 'failed' ? IconCircleX : IconCircleCheck;
  return (
    <li data-open={open || undefined}>
      <button type="button" className="event-row" aria-expanded={open} onClick={onToggle}>
        <span className="event-time num" title={moment(at)}>
          <IconChevronRight size={14} stroke={2} aria-hidden />
          <span>
            <span className="event-day">{day.format(when)}</span> {clock.format(when)}
          </span>
        </span>
        <span className="event-name">
          <span className="event-plugin">{plugin}</span> {name}
          {(severity === 'high' || severity === 'critical') && (
            <span className="event-severity" data-severity={severity}>
              {severity}
            </span>
          )}
        </span>
        <span className="event-actor mono">{actorOf(event)}</span>
        <span className="event-target mono">{target}</span>
        <span className="event-status" data-status={status}>
          <Glyph size={15} stroke={1.8} aria-hidden />
          <span>{status === 'failed' ? reason || 'failed' : 'succeeded'}</span>
        </span>
      </button>
      {open && <EventDetail event={event} onFilter={onFilter} />}
    </li>
  );
}
