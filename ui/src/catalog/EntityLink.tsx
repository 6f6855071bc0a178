import { AppLink } from '@/kit/AppLink';
import { KindIcon } from './kinds';
import { entityPath, formatRef, parseRef, shortRef, type RefDefaults } from './ref';

interface EntityLinkProps {
  /** A ref as written in a file: kind and namespace may be missing. */
  to: string;
  defaults: RefDefaults;
  icon?: boolean;
}

/** The name of an entity as a link to its page. */
export function EntityLink({ to, defaults, icon }: EntityLinkProps) {
  const ref = parseRef(to, defaults);
  return (
    <AppLink className="entity-link" href={entityPath(ref)} title={formatRef(ref)}>
      {icon && <KindIcon kind={ref.kind} size={14} />}
      <span>{shortRef(ref, defaults.kind)}</span>
    </AppLink>
  );
}
