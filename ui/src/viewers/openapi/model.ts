import { deref, isObject, list, object, text, texts, type Json } from '../json';

export interface Parameter {
  name: string;
  place: string;
  required: boolean;
  description: string;
  schema: unknown;
}

export interface Content {
  mediaType: string;
  schema: unknown;
  /** An example that the document gives; undefined where it gives none. */
  example?: unknown;
}

export interface Answer {
  status: string;
  description: string;
  contents: Content[];
  headers: string[];
}

export interface Operation {
  /** The anchor in the address. */
  id: string;
  method: string;
  path: string;
  summary: string;
  description: string;
  deprecated: boolean;
  parameters: Parameter[];
  body: { description: string; required: boolean; contents: Content[] } | undefined;
  answers: Answer[];
  /** Names of the schemes that apply; empty for none. */
  security: string[];
}

export interface OperationGroup {
  name: string;
  description: string;
  operations: Operation[];
}

export interface OpenApi {
  root: Json;
  title: string;
  version: string;
  format: string;
  description: string;
  servers: { url: string; description: string }[];
  schemes: { name: string; text: string }[];
  groups: OperationGroup[];
  schemas: [name: string, schema: unknown][];
}

const methods = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options', 'trace', 'query'];

const slug = (value: string) => value.replace(/[^\w.]+/g, '-').replace(/^-+|-+$/g, '');

function contentsOf(root: Json, value: unknown): Content[] {
  return Object.entries(object(value)).map(([mediaType, media]) => {
    const { schema, example, examples } = object(media);
    const [first] = Object.values(object(examples));
    return { mediaType, schema, example: example ?? deref(root, first).value };
  });
}

function parametersOf(root: Json, values: unknown[]): Parameter[] {
  const found = new Map<string, Parameter>();
  for (const value of values) {
    const raw = deref(root, value);
    const [media] = Object.values(object(raw.content));
    const parameter = {
      name: text(raw.name),
      place: text(raw.in),
      required: raw.required === true,
      description: text(raw.description),
      // In version 2 the parameter itself says what a schema would.
      schema: raw.schema ?? object(media).schema ?? raw,
    };
    found.set(`${parameter.place} ${parameter.name}`, parameter);
  }
  return [...found.values()];
}

const schemeNames = (value: unknown) => [
  ...new Set(list(value).flatMap(requirement => Object.keys(object(requirement)))),
];

function bodyOf(root: Json, raw: Json, parameters: Parameter[]): Operation['body'] {
  if (isObject(raw.requestBody)) {
    const body = deref(root, raw.requestBody);
    return {
      description: text(body.description),
      required: body.required === true,
      contents: contentsOf(root, body.content),
    };
  }
  const consumes = texts(raw.consumes).concat(texts(root.consumes));
  const whole = parameters.find(({ place }) => place === 'body');
  if (whole) {
    return {
      description: whole.description,
      required: whole.required,
      contents: [{ mediaType: consumes[0] ?? 'application/json', schema: whole.schema }],
    };
  }
  const fields = parameters.filter(({ place }) => place === 'formData');
  if (fields.length === 0) return undefined;
  const schema = {
    type: 'object',
    required: fields.filter(({ required }) => required).map(({ name }) => name),
    properties: Object.fromEntries(fields.map(field => [field.name, field.schema])),
  };
  return {
    description: '',
    required: schema.required.length > 0,
    contents: [{ mediaType: consumes[0] ?? 'application/x-www-form-urlencoded', schema }],
  };
}

function answersOf(root: Json, raw: Json): Answer[] {
  const produces = texts(raw.produces).concat(texts(root.produces))[0] ?? 'application/json';
  return Object.entries(object(raw.responses)).map(([status, value]) => {
    const answer = deref(root, value);
    const old = answer.schema === undefined ? [] : [{ mediaType: produces, schema: answer.schema }];
    return {
      status,
      description: text(answer.description),
      contents: [...contentsOf(root, answer.content), ...old],
      headers: Object.keys(object(answer.headers)),
    };
  });
}

function operationOf(root: Json, path: string, method: string, item: Json): Operation {
  const raw = object(item[method]);
  const all = parametersOf(root, [...list(item.parameters), ...list(raw.parameters)]);
  return {
    id: slug(text(raw.operationId) || `${method}-${path}`),
    method: method.toUpperCase(),
    path,
    summary: text(raw.summary),
    description: text(raw.description),
    deprecated: raw.deprecated === true,
    parameters: all.filter(({ place }) => place !== 'body' && place !== 'formData'),
    body: bodyOf(root, raw, all),
    answers: answersOf(root, raw),
    security: schemeNames(raw.security ?? root.security),
  };
}

function serversOf(root: Json) {
  if (typeof root.host === 'string') {
    const schemes = texts(root.schemes);
    return (schemes.length > 0 ? schemes : ['https']).map(scheme => ({
      url: `${scheme}://${text(root.host)}${text(root.basePath)}`,
      description: '',
    }));
  }
  return list(root.servers).map(server => ({
    url: text(object(server).url),
    description: text(object(server).description),
  }));
}

function schemeText(scheme: Json): string {
  const kind = text(scheme.type);
  if (kind === 'http') return `HTTP ${text(scheme.scheme)}`;
  if (kind === 'apiKey') return `key ${text(scheme.name)} in ${text(scheme.in)}`;
  return text(scheme.description) || kind;
}

/** Brings a document of version 2.0, 3.0 or 3.1 into one shape, tolerant of gaps. */
export function readOpenApi(root: Json): OpenApi {
  const info = object(root.info);
  const groups = new Map<string, OperationGroup>();
  const group = (name: string, description = '') => {
    const known = groups.get(name) ?? { name, description, operations: [] };
    groups.set(name, known);
    return known;
  };
  list(root.tags).forEach(tag => group(text(object(tag).name), text(object(tag).description)));
  for (const [path, value] of [
    ...Object.entries(object(root.paths)),
    ...Object.entries(object(root.webhooks)),
  ]) {
    const item = deref(root, value);
    for (const method of methods.filter(name => isObject(item[name]))) {
      const tags = texts(object(item[method]).tags);
      // An operation stands once, under its first tag.
      group(tags[0] ?? 'Operations').operations.push(operationOf(root, path, method, item));
    }
  }
  const components = object(root.components);
  return {
    root,
    title: text(info.title),
    version: text(info.version),
    format: root.swagger ? `Swagger ${text(root.swagger)}` : `OpenAPI ${text(root.openapi)}`,
    description: text(info.description),
    servers: serversOf(root).filter(({ url }) => url),
    schemes: Object.entries(object(components.securitySchemes ?? root.securityDefinitions)).map(
      ([name, scheme]) => ({ name, text: schemeText(deref(root, scheme)) }),
    ),
    groups: [...groups.values()].filter(({ operations }) => operations.length > 0),
    schemas: Object.entries(object(components.schemas ?? root.definitions)),
  };
}

/** The groups with only the operations that hold every word. */
export function searchOperations(groups: OperationGroup[], needle: string): OperationGroup[] {
  const words = needle.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return groups;
  return groups
    .map(group => ({
      ...group,
      operations: group.operations.filter(({ method, path, summary, id, description }) => {
        const hay = `${method} ${path} ${summary} ${id} ${description} ${group.name}`.toLowerCase();
        return words.every(word => hay.includes(word));
      }),
    }))
    .filter(({ operations }) => operations.length > 0);
}
