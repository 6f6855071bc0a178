import { deref, isObject, list, object, refName, text, texts, type Json } from './json';

/** One property, item or variant of a schema, as a row shows it. */
export interface Row {
  name: string;
  required: boolean;
  schema: unknown;
}

/** "array of Slot", "string (date-time)", "A or B". */
export function typeLabel(root: Json, value: unknown, depth = 0): string {
  const raw = object(value);
  if (depth > 4) return '…';
  const name = typeof raw.$ref === 'string' ? refName(raw.$ref) : undefined;
  const schema = deref(root, raw);
  const items = schema.items;
  if (schema.type === 'array' || items !== undefined) {
    return `array of ${items === undefined ? 'any' : typeLabel(root, items, depth + 1)}`;
  }
  if (name) return name;
  for (const [key, word] of [
    ['oneOf', ' or '],
    ['anyOf', ' or '],
    ['allOf', ' and '],
  ] as const) {
    const variants = list(schema[key]);
    if (variants.length > 0 && !schema.properties) {
      return [...new Set(variants.map(variant => typeLabel(root, variant, depth + 1)))].join(word);
    }
  }
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const types = Array.isArray(schema.type) ? texts(schema.type) : [text(schema.type)];
  const base =
    types.filter(Boolean).join(' or ') ||
    (schema.properties ? 'object' : schema.enum ? 'enum' : 'any');
  const extra = schema.nullable === true ? ' or null' : '';
  return (schema.format ? `${base} (${text(schema.format)})` : base) + extra;
}

/** Properties with those of allOf parts; each reference is entered once, so cycles end. */
function properties(root: Json, value: unknown, seen: readonly string[]): Row[] {
  const raw = object(value);
  if (typeof raw.$ref === 'string') {
    if (seen.includes(raw.$ref)) return [];
    seen = [...seen, raw.$ref];
  }
  const schema = deref(root, raw);
  const required = texts(schema.required);
  const own = Object.entries(object(schema.properties)).map(([name, property]) => ({
    name,
    required: required.includes(name),
    schema: property,
  }));
  const inherited = list(schema.allOf).flatMap(part => properties(root, part, seen));
  return [...inherited, ...own].map(row => ({
    ...row,
    required: row.required || required.includes(row.name),
  }));
}

/** What is inside a schema: properties, or those of its items, or its variants. */
export function rowsOf(root: Json, value: unknown): Row[] {
  const schema = deref(root, value);
  const own = properties(root, value, []);
  const variants = [...list(schema.oneOf), ...list(schema.anyOf)].map((variant, at) => ({
    name: `option ${at + 1}`,
    required: false,
    schema: variant,
  }));
  if (own.length + variants.length > 0) {
    const extra = isObject(schema.additionalProperties) ? schema.additionalProperties : undefined;
    return [
      ...own,
      ...variants,
      ...(extra ? [{ name: '(any other)', required: false, schema: extra }] : []),
    ];
  }
  if (isObject(schema.items)) return rowsOf(root, schema.items);
  if (
    isObject(schema.additionalProperties) &&
    Object.keys(schema.additionalProperties).length > 0
  ) {
    return [{ name: '(any key)', required: false, schema: schema.additionalProperties }];
  }
  return [];
}

/** Limits and defaults as short phrases. */
export function limitsOf(schema: Json): string[] {
  const limits: string[] = [];
  const add = (key: string, phrase: (value: string) => string) => {
    if (schema[key] !== undefined)
      limits.push(phrase(text(schema[key]) || JSON.stringify(schema[key])));
  };
  add('default', value => `default ${value}`);
  add('minimum', value => `≥ ${value}`);
  add('maximum', value => `≤ ${value}`);
  add('minLength', value => `at least ${value} characters`);
  add('maxLength', value => `at most ${value} characters`);
  add('minItems', value => `at least ${value} items`);
  add('maxItems', value => `at most ${value} items`);
  add('pattern', value => `like ${value}`);
  if (schema.readOnly === true) limits.push('read only');
  if (schema.writeOnly === true) limits.push('write only');
  if (schema.deprecated === true) limits.push('deprecated');
  return limits;
}

/** A value that fits a schema, out of its examples where it has them. */
export function sampleOf(root: Json, value: unknown, seen: readonly unknown[] = []): unknown {
  const ref = object(value).$ref;
  if (seen.length > 8 || (typeof ref === 'string' && seen.includes(ref))) return {};
  const next = [...seen, ref ?? 0];
  const schema = deref(root, value);
  if (schema.example !== undefined) return schema.example;
  if (Array.isArray(schema.examples) && schema.examples.length > 0) return schema.examples[0];
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (list(schema.enum).length > 0) return list(schema.enum)[0];
  const variant = list(schema.oneOf)[0] ?? list(schema.anyOf)[0];
  if (variant !== undefined) return sampleOf(root, variant, next);
  const type = Array.isArray(schema.type) ? text(schema.type[0]) : text(schema.type);
  if (type === 'array' || schema.items !== undefined) return [sampleOf(root, schema.items, next)];
  const rows = properties(root, value, []);
  if (type === 'object' || rows.length > 0) {
    return Object.fromEntries(rows.map(row => [row.name, sampleOf(root, row.schema, next)]));
  }
  if (type === 'integer' || type === 'number') return 0;
  if (type === 'boolean') return true;
  const formats: Record<string, string> = {
    date: '2026-01-31',
    'date-time': '2026-01-31T12:00:00Z',
    uuid: '3f2b8c1e-5d7a-4c6b-9e0f-1a2b3c4d5e6f',
    email: 'someone@example.com',
    uri: 'https://example.com',
  };
  return type === 'string' ? (formats[text(schema.format)] ?? 'text') : null;
}
