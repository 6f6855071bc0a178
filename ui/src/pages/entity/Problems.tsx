import { IconAlertTriangle, IconInfoCircle, IconLinkOff } from '@tabler/icons-react';
import type { Entity } from '@/api/types';
import { formatRef, refOf } from '@/catalog/ref';
import { AppLink } from '@/kit/AppLink';
import { isOrphan } from './origin';

/** What is wrong with the entity and what to do about it; nothing when all is well. */
export function Problems({ entity }: { entity: Entity }) {
  const items = entity.status?.items ?? [];
  const orphan = isOrphan(entity);
  if (items.length === 0 && !orphan) return null;
  const why = `/catalog/why?q=${encodeURIComponent(formatRef(refOf(entity)))}`;
  return (
    <div className="problems">
      {orphan && (
        <div className="notice notice-amber">
          <IconLinkOff size={17} stroke={1.7} aria-hidden />
          <div>
            <strong>No location lists this entity any more.</strong>
            <p>
              It stays as it was last read. If it is gone for good, remove it with the menu above;
              if not, put it back into a registered file.
            </p>
          </div>
        </div>
      )}
      {items.map((item, at) => {
        const bad = item.level === 'error';
        const Glyph = bad ? IconAlertTriangle : IconInfoCircle;
        return (
          <div key={at} className={bad ? 'notice' : 'notice notice-amber'}>
            <Glyph size={17} stroke={1.7} aria-hidden />
            <div>
              <strong>
                {bad ? 'Its source could not be processed' : 'A remark from processing'}
              </strong>
              <p className="notice-text">{item.message}</p>
              {bad && (
                <p>
                  What you see is the last good version. Correct the file and read it again.{' '}
                  <AppLink className="text-link" href={why}>
                    Details and source
                  </AppLink>
                </p>
              )}
            </div>
          </div>
        );
      })}
    </div>
  );
}
