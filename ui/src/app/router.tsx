import { createRootRoute, createRoute, createRouter, redirect } from '@tanstack/react-router';
import { CatalogPage } from '@/pages/catalog/CatalogPage';
import type { RawSearch } from '@/pages/catalog/state';
import { ErrorPage, NotFoundPage } from './pages';
import { parseSearch, stringifySearch } from './search';
import { Shell } from './Shell';

const root = createRootRoute({
  component: Shell,
  // Addresses are plain text; each page makes sense of its own parameters.
  validateSearch: (raw: Record<string, unknown>) => raw as RawSearch,
});

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: ({ search }) => {
    throw redirect({ to: '/catalog', search, replace: true });
  },
});

const catalog = createRoute({
  getParentRoute: () => root,
  path: '/catalog',
  component: CatalogPage,
});

// Every other page is its own chunk: give the path here and the component in a
// module that exports `Route`, see README.md.
const settings = createRoute({
  getParentRoute: () => root,
  path: '/settings',
}).lazy(() => import('@/pages/settings/route').then(module => module.Route));

const entity = createRoute({
  getParentRoute: () => root,
  path: '/catalog/$namespace/$kind/$name/{-$tab}',
}).lazy(() => import('@/pages/entity/route').then(module => module.Route));

const graph = createRoute({
  getParentRoute: () => root,
  path: '/catalog-graph',
}).lazy(() => import('@/pages/graph/route').then(module => module.Route));

const register = createRoute({
  getParentRoute: () => root,
  path: '/catalog-import',
}).lazy(() => import('@/pages/import/route').then(module => module.Route));

const why = createRoute({
  getParentRoute: () => root,
  path: '/catalog/why',
}).lazy(() => import('@/pages/why/route').then(module => module.Route));

const unprocessed = createRoute({
  getParentRoute: () => root,
  path: '/catalog-unprocessed-entities',
}).lazy(() => import('@/pages/why/unprocessed').then(module => module.Route));

const create = createRoute({
  getParentRoute: () => root,
  path: '/create',
}).lazy(() => import('@/pages/create/route').then(module => module.Route));

const consent = createRoute({
  getParentRoute: () => root,
  path: '/oauth2/authorize/$sessionId',
}).lazy(() => import('@/pages/consent/route').then(module => module.Route));

const policy = createRoute({
  getParentRoute: () => root,
  path: '/admin/policy',
}).lazy(() => import('@/pages/policy/route').then(module => module.Route));

const audit = createRoute({
  getParentRoute: () => root,
  path: '/admin/audit',
}).lazy(() => import('@/pages/audit/route').then(module => module.Route));

// The stock front-end's list of APIs is the catalog with one kind chosen.
const apis = createRoute({
  getParentRoute: () => root,
  path: '/api-docs',
  beforeLoad: () => {
    throw redirect({ to: '/catalog', search: { 'filters[kind]': 'api' }, replace: true });
  },
});

export function createAppRouter() {
  return createRouter({
    routeTree: root.addChildren([
      home,
      catalog,
      entity,
      graph,
      register,
      why,
      unprocessed,
      apis,
      create,
      consent,
      policy,
      audit,
      settings,
    ]),
    parseSearch,
    stringifySearch,
    defaultPreload: 'intent',
    defaultErrorComponent: ErrorPage,
    defaultNotFoundComponent: NotFoundPage,
    scrollRestoration: true,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
