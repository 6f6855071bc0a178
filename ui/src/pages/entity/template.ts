import type { Entity } from '@/api/types';

interface Field {
  name: string;
  title: string;
  type: string;
  required: boolean;
  description: string;
}

interface TemplatePage {
  title: string;
  fields: Field[];
}

interface Step {
  name: string;
  action: string;
  condition: boolean;
}

type Json = Record<string, unknown>;

const object = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function field(name: string, value: unknown, required: unknown[]): Field {
  const schema = object(value);
  const type = text(schema['ui:field']) || text(schema.type) || 'any';
  return {
    name,
    title: text(schema.title) || name,
    type: list(schema.enum).length > 0 ? `one of ${list(schema.enum).length}` : type,
    required: required.includes(name),
    description: text(schema.description),
  };
}

/** The forms and steps of a Template, tolerant of what authors leave out. */
export function readTemplate({ spec }: Entity): { pages: TemplatePage[]; steps: Step[] } {
  const raw = spec?.parameters;
  const pages = (Array.isArray(raw) ? raw : raw ? [raw] : []).map((page: unknown, at) => {
    const schema = object(page);
    const required = list(schema.required);
    return {
      title: text(schema.title) || `Page ${at + 1}`,
      fields: Object.entries(object(schema.properties)).map(([name, value]) =>
        field(name, value, required),
      ),
    };
  });
  const steps = list(spec?.steps).map(value => {
    const step = object(value);
    return {
      name: text(step.name) || text(step.id) || text(step.action),
      action: text(step.action),
      condition: step.if !== undefined,
    };
  });
  return { pages, steps };
}
