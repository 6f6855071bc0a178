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

/** A member of whom only the name is known, until the rest arrives. */
const named = (text: string): Entity => {
  const { kind, namespace, name } = parseRef(text);
  return { kind, metadata: { name, namespace } };
};

/** A group: where it stands, who is in it, what it owns. */
export function GroupOverview({ entity }: { entity: Entity }) {
  const ref = formatRef(refOf(entity));
  const path = entityPath(refOf(entity));
  const org = useOrg(ref);
  const children = useMemo(() => targetsOf(entity, 'parentOf'), [entity]);
  const known = useMemo(() => targetsOf(entity, 'hasMember'), [entity]);
  const direct = useQuery(membersOf([ref]));
  // A group that only holds groups is best shown by who is in those.
  const aggregate = known.length === 0 && children.length > 0;
  const all = useQuery({ ...membersOf(org.below), enabled: aggregate && org.trees !== undefined });
  const members = aggregate ? all : direct;
  const related = useRelated(children);
  const hasParent = targetsOf(entity, 'childOf').length > 0;
  const total = members.data?.totalItems;
  return (
    <>
      {hasParent && (
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
      {children.length > 0 && (
        <Owned owners={org.trees ? org.below : []} title="Owned with sub-groups" />
      )}
      {children.length > 0 && (
        <RelatedList title="Sub-groups" refs={children} related={related} all={`${path}/org`} />
      )}
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
        <People
          users={
            members.data?.items.slice(0, peopleShown) ?? known.slice(0, peopleShown).map(named)
          }
        />
      </Panel>
    </>
  );
}
