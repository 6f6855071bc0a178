import { IconFileAlert } from '@tabler/icons-react';
import type { Refused } from '@/api/entity';
import { ago, moment } from './time';
import './refused.css';

/** Documents that were left out: where they stand and why. */
export function RefusedList({ items }: { items: readonly Refused[] }) {
  return (
    <ul className="refused">
      {items.map(({ entityRef, locationKey, line, code, message, since }, at) => (
        <li key={at}>
          <IconFileAlert size={16} stroke={1.7} aria-hidden />
          <div>
            <p className="mono refused-place">
              {locationKey.replace(/^(url|file):/, '')}
              {line ? `:${line}` : ''}
            </p>
            <p className="refused-message">{message}</p>
            <p className="refused-sub">
              {[entityRef, code].filter(Boolean).join(' · ')}
              {' · '}
              <time dateTime={since} title={moment(since)}>
                {ago(since)}
              </time>
            </p>
          </div>
        </li>
      ))}
    </ul>
  );
}
