import { IconFileAlert } from '@tabler/icons-react';
import type { Refused } from '@/api/entity';
import { ago, moment } from './time';
import './refused.css';

/** What to do, by the reason a document was left out. */
const advice: Record<string, string> = {
  rule: 'Allow the kind under catalog.rules in the configuration, or at this location.',
  envelope: 'Every document needs apiVersion, kind and metadata.name.',
  syntax: 'Correct the YAML at this line.',
  duplicate: 'Give each document in these files a name of its own.',
  unreadable: 'Check that the file exists and that the portal may read it.',
};

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
            {advice[code] && <p className="refused-advice">{advice[code]}</p>}
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
