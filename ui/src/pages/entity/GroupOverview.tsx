import { useQuery } from '@tanstack/react-query';
import { IconChevronRight } from '@tabler/icons-react';
import { useMemo } from 'react';
import type { Entity } from '@/api/types';
import { entityPath, formatRef, parseRef, refOf } from '@/catalog/ref';
import { targetsOf } from '@/catalog/relations';
import { AppLink } from '@/kit/AppLink';
import { People } from './People';
import { Owned } from './Owned';
import { Panel, RelatedList } from './RelatedList';
import { useRelated } from './related';
import { membersOf, useOrg } from './useOrg';

const peopleShown = 9;

/** A group: where it stands, who is in it, what it owns. */
export function GroupOverview({ entity }: { entity: Entity }) {
  const ref = formatRef(refOf(entity));
  const path = entityPath(refOf(entity));
  const org = useOrg(ref);
  const direct = useQuery(membersOf([ref]));
  // A group that only holds groups is best shown by who is in those.
  const aggregate = direct.data?.totalItems === 0 && org.below.length > 1;
  const all = useQuery({ ...membersOf(org.below), enabled: aggregate });
  const members = aggregate ? all : direct;
  const children = useMemo(() => targetsOf(entity, 'parentOf'), [entity]);
  const related = useRelated(children);
  const total = members.data?.totalItems;
  return (
    <>
      {org.path.length > 1 && (
        <nav className="org-path" aria-label="Place in the organisation">
          {org.path.map((node, at) => (
            <span key={node.ref}>
              {at > 0 && <IconChevronRight size={13} aria-hidden />}
              {node.ref === ref ? (
                <span aria-current="page">{node.title}</span>
              ) : (
                <AppLink href={entityPath(parseRef(node.ref))}>{node.title}</AppLink>
              )}
            </span>
          ))}
        </nav>
      )}
      <Owned owners={[ref]} />
      {org.below.length > 1 && <Owned owners={org.below} title="Owned with sub-groups" />}
      <Panel
        title={aggregate ? 'Members of sub-groups' : 'Members'}
        count={total}
        end={
          <AppLink className="text-link" href={`${path}/members${aggregate ? '?members=all' : ''}`}>
            {total && total > peopleShown ? 'Show all' : 'Open'}
          </AppLink>
        }
      >
        {total === 0 && <p className="panel-note">Nobody is a member yet.</p>}
        {members.data && <People users={members.data.items.slice(0, peopleShown)} />}
      </Panel>
      {children.length > 0 && (
        <RelatedList title="Sub-groups" refs={children} related={related} all={`${path}/org`} />
      )}
    </>
  );
}
