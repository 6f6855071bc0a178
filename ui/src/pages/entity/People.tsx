import type { Entity } from '@/api/types';
import { entityPath, formatRef, refOf, titleOf } from '@/catalog/ref';
import { AppLink } from '@/kit/AppLink';
import { Avatar } from '@/kit/kit';

/** Users as small cards. */
export function People({ users }: { users: readonly Entity[] }) {
  return (
    <ul className="people">
      {users.map(user => {
        const ref = refOf(user);
        return (
          <li key={formatRef(ref)}>
            <AppLink className="person" href={entityPath(ref)}>
              <Avatar name={titleOf(user)} />
              <span className="person-text">
                <span className="person-name">{titleOf(user)}</span>
                <span className="person-sub">{user.spec?.profile?.email ?? ref.name}</span>
              </span>
            </AppLink>
          </li>
        );
      })}
    </ul>
  );
}
