import { useRouter } from '@tanstack/react-router';
import {
  IconApi,
  IconLayoutGrid,
  IconPlus,
  IconTopologyRing2,
  IconUsers,
  type Icon,
} from '@tabler/icons-react';

interface NavItem {
  label: string;
  href: string;
  icon: Icon;
  /** The route it leads to; the item is shown only if that route exists. */
  route: string;
  current: (path: string, search: Search) => boolean;
}

/** Query parameters as the router keeps them. */
type Search = Record<string, unknown>;

const kindOf = (search: Search) => String(search['filters[kind]'] ?? '');
const inCatalog = (path: string) => path === '/catalog' || path === '/';

/** The rail, top to bottom. The command palette offers the same places. */
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
    label: 'Register',
    href: '/catalog-import',
    icon: IconPlus,
    route: '/catalog-import',
    current: path => path.startsWith('/catalog-import'),
  },
];

/** Whether a route is registered; used to show a link only when it leads somewhere. */
export function useRouteExists(route: string): boolean {
  return route in useRouter().routesByPath;
}

export function useNavItems(): readonly NavItem[] {
  const routes = useRouter().routesByPath;
  return items.filter(({ route }) => route in routes);
}
