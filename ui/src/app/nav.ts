import { useRouter } from '@tanstack/react-router';
import {
  IconApi,
  IconHistory,
  IconLayoutGrid,
  IconPlus,
  IconShieldLock,
  IconTemplate,
  IconTopologyRing2,
  IconUsers,
  type Icon,
} from '@tabler/icons-react';
import { mayRegister, useMay, type May } from '@/api/permission';

export interface NavItem {
  label: string;
  href: string;
  icon: Icon;
  /** The route it leads to; the item is shown only if that route exists. */
  route: string;
  current: (path: string, search: Search) => boolean;
  /** Stands below the others, under a heading. */
  admin?: boolean;
  /** Whether it is offered to this user; to everybody without. */
  offered?: (may: May) => boolean;
}

/** Query parameters as the router keeps them. */
type Search = Record<string, unknown>;

const kindOf = (search: Search) => String(search['filters[kind]'] ?? '');
const inCatalog = (path: string) => path === '/catalog' || path === '/';

/** The rail, top to bottom; the command palette offers the same places. */
const items: readonly NavItem[] = [
  {
    label: 'Catalog',
    href: '/catalog',
    icon: IconLayoutGrid,
    route: '/catalog',
    current: (path, search) =>
      (inCatalog(path) && !['api', 'group'].includes(kindOf(search))) ||
      (path.startsWith('/catalog/') && !/^\/catalog\/[^/]+\/(api|group)\//i.test(path)),
  },
  {
    label: 'APIs',
    href: '/catalog?filters[kind]=api',
    icon: IconApi,
    route: '/catalog',
    current: (path, search) =>
      (inCatalog(path) && kindOf(search) === 'api') || /^\/catalog\/[^/]+\/api\//i.test(path),
  },
  {
    label: 'Teams',
    href: '/catalog?filters[kind]=group',
    icon: IconUsers,
    route: '/catalog',
    current: (path, search) =>
      (inCatalog(path) && kindOf(search) === 'group') || /^\/catalog\/[^/]+\/group\//i.test(path),
  },
  {
    label: 'Graph',
    href: '/catalog-graph',
    icon: IconTopologyRing2,
    route: '/catalog-graph',
    current: path => path.startsWith('/catalog-graph'),
  },
  {
    label: 'Create',
    href: '/create',
    icon: IconTemplate,
    route: '/create',
    current: path => path.startsWith('/create'),
  },
  {
    label: 'Register',
    href: '/catalog-import',
    icon: IconPlus,
    route: '/catalog-import',
    current: path => path.startsWith('/catalog-import'),
    offered: mayRegister,
  },
  {
    label: 'Policy',
    href: '/admin/policy',
    icon: IconShieldLock,
    route: '/admin/policy',
    current: path => path.startsWith('/admin/policy'),
    admin: true,
    offered: may => may('policy.entity.read') === true,
  },
  {
    label: 'Audit log',
    href: '/admin/audit',
    icon: IconHistory,
    route: '/admin/audit',
    current: path => path.startsWith('/admin/audit'),
    admin: true,
    offered: may => may('audit.event.read') === true,
  },
];

/** Whether a route is registered; used to show a link only when it leads somewhere. */
export function useRouteExists(route: string): boolean {
  return route in useRouter().routesByPath;
}

export function useNavItems(): readonly NavItem[] {
  const routes = useRouter().routesByPath;
  const may = useMay();
  return items.filter(({ route, offered }) => route in routes && (!offered || offered(may)));
}

/** Whether registering files is offered: the route is there and nothing forbids it. */
export function useCanRegister(): boolean {
  const exists = useRouteExists('/catalog-import');
  const may = useMay();
  return exists && mayRegister(may);
}
