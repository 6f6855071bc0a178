/**
 * The catalog's wire types: what /api/catalog sends and takes. `Schemas` is
 * generated from the OpenAPI document; the types below say more than a schema
 * that leaves spec and metadata open, or are shorter to read.
 */
import type { components } from './generated/catalog';

/** Every schema of the catalog's API, e.g. Schemas['Graph'], Schemas['History']. */
export type Schemas = components['schemas'];

export type Relation = NonNullable<Schemas['Entity']['relations']>[number];

export interface EntityLink {
  url: string;
  title?: string;
  icon?: string;
  type?: string;
}

export interface StatusItem {
  type: string;
  level: 'info' | 'warning' | 'error';
  message: string;
  error?: { name: string; message: string };
}

export interface EntityMeta {
  name: string;
  namespace?: string;
  uid?: string;
  etag?: string;
  title?: string;
  description?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  tags?: string[];
  links?: EntityLink[];
  [key: string]: unknown;
}

/** The spec fields of the classic kinds that pages read; all others are unknown JSON. */
export interface EntitySpec {
  type?: string;
  lifecycle?: string;
  owner?: string;
  system?: string;
  domain?: string;
  parent?: string;
  children?: string[];
  members?: string[];
  memberOf?: string[];
  target?: string;
  targets?: string[];
  profile?: { displayName?: string; email?: string; picture?: string };
  [key: string]: unknown;
}

export interface Entity {
  apiVersion?: string;
  kind: string;
  metadata: EntityMeta;
  spec?: EntitySpec;
  relations?: Relation[];
  status?: { items?: StatusItem[] };
}

export interface QueryPage {
  items: Entity[];
  totalItems: number;
  pageInfo: Schemas['PageInfo'];
}

export interface FacetValue {
  value: string;
  count: number;
}

export interface Facets {
  facets: Record<string, FacetValue[]>;
}

type Scalar = string | number | boolean;

/** The predicate language of the POST endpoints. */
export type Predicate =
  | { $all: Predicate[] }
  | { $any: Predicate[] }
  | { $not: Predicate }
  | { [path: string]: Scalar | { $in: Scalar[] } | { $exists: boolean } | { $hasPrefix: string } };

export interface QueryBody {
  query?: Predicate;
  cursor?: string;
  limit?: number;
  fields?: string[];
  orderBy?: { field: string; order: 'asc' | 'desc' }[];
  fullTextFilter?: { term: string; fields?: string[] };
}

export interface FacetsBody {
  facets: string[];
  query?: Predicate;
}
