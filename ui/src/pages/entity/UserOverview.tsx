import { IconMail } from '@tabler/icons-react';
import { useMemo } from 'react';
import type { Entity } from '@/api/types';
import { formatRef, refOf, titleOf } from '@/catalog/ref';
import { targetsOf } from '@/catalog/relations';
import { Avatar } from '@/kit/kit';
import { Owned } from './Owned';
import { RelatedList } from './RelatedList';
import { useRelated } from './related';

/** A person: how to reach them, their groups, what they and their groups own. */
export function UserOverview({ entity }: { entity: Entity }) {
  const ref = formatRef(refOf(entity));
  const groups = useMemo(() => targetsOf(entity, 'memberOf'), [entity]);
  const related = useRelated(groups);
  const email = entity.spec?.profile?.email;
  return (
    <>
      <div className="profile">
        <Avatar name={titleOf(entity)} large />
        <div>
          <strong>{titleOf(entity)}</strong>
          {email ? (
            <a className="text-link profile-mail" href={`mailto:${email}`}>
              <IconMail size={14} stroke={1.7} aria-hidden />
              {email}
            </a>
          ) : (
            <span className="muted">No email address is known.</span>
          )}
        </div>
      </div>
      {groups.length > 0 && (
        <RelatedList title="Member of" refs={groups} related={related} most={20} />
      )}
      <Owned owners={[ref]} title="Owns personally" />
      {groups.length > 0 && <Owned owners={groups} title="Owned by their groups" />}
    </>
  );
}
