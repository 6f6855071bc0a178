import { GraphQLError } from 'graphql/error/GraphQLError';
import type {
  DefinitionNode,
  FieldDefinitionNode,
  InputValueDefinitionNode,
  TypeNode,
} from 'graphql/language/ast';
import { Kind } from 'graphql/language/kinds';
import { parse } from 'graphql/language/parser';
import { print } from 'graphql/language/printer';

export interface Argument {
  name: string;
  type: string;
  value?: string;
  description: string;
}

export interface Field {
  name: string;
  type: string;
  args: Argument[];
  description: string;
  deprecated: boolean;
}

export interface TypeInfo {
  name: string;
  kind: string;
  description: string;
  implements: string[];
  fields: Field[];
  /** Members of an enum or a union. */
  values: { name: string; description: string }[];
}

export type GraphqlRead = { types: TypeInfo[] } | { error: string; line?: number };

const kinds: Partial<Record<Kind, string>> = {
  [Kind.OBJECT_TYPE_DEFINITION]: 'type',
  [Kind.OBJECT_TYPE_EXTENSION]: 'type',
  [Kind.INTERFACE_TYPE_DEFINITION]: 'interface',
  [Kind.INTERFACE_TYPE_EXTENSION]: 'interface',
  [Kind.INPUT_OBJECT_TYPE_DEFINITION]: 'input',
  [Kind.INPUT_OBJECT_TYPE_EXTENSION]: 'input',
  [Kind.ENUM_TYPE_DEFINITION]: 'enum',
  [Kind.ENUM_TYPE_EXTENSION]: 'enum',
  [Kind.UNION_TYPE_DEFINITION]: 'union',
  [Kind.UNION_TYPE_EXTENSION]: 'union',
  [Kind.SCALAR_TYPE_DEFINITION]: 'scalar',
};

export function typeText(type: TypeNode): string {
  if (type.kind === Kind.NON_NULL_TYPE) return `${typeText(type.type)}!`;
  return type.kind === Kind.LIST_TYPE ? `[${typeText(type.type)}]` : type.name.value;
}

/** The named type inside lists and exclamation marks. */
export const bareType = (type: string): string => type.replace(/[[\]!]/g, '');

const argument = (node: InputValueDefinitionNode): Argument => ({
  name: node.name.value,
  type: typeText(node.type),
  value: node.defaultValue && print(node.defaultValue),
  description: node.description?.value ?? '',
});

function field(node: FieldDefinitionNode | InputValueDefinitionNode): Field {
  return {
    name: node.name.value,
    type: typeText(node.type),
    args: 'arguments' in node ? (node.arguments?.map(argument) ?? []) : [],
    description: node.description?.value ?? '',
    deprecated: node.directives?.some(({ name }) => name.value === 'deprecated') ?? false,
  };
}

function typeInfo(node: DefinitionNode): TypeInfo | undefined {
  const kind = kinds[node.kind];
  if (!kind || !('name' in node) || !node.name) return undefined;
  const values =
    'values' in node
      ? (node.values?.map(value => ({
          name: value.name.value,
          description: value.description?.value ?? '',
        })) ?? [])
      : 'types' in node
        ? (node.types?.map(type => ({ name: type.name.value, description: '' })) ?? [])
        : [];
  const fields = 'fields' in node ? (node.fields ?? []) : [];
  return {
    name: node.name.value,
    kind,
    description: 'description' in node ? (node.description?.value ?? '') : '',
    implements: 'interfaces' in node ? (node.interfaces?.map(({ name }) => name.value) ?? []) : [],
    fields: (fields as readonly (FieldDefinitionNode | InputValueDefinitionNode)[]).map(field),
    values,
  };
}

const roots = ['Query', 'Mutation', 'Subscription'];

/** Reads SDL into types: operations first, extensions joined to what they extend. */
export function readGraphql(text: string): GraphqlRead {
  try {
    const types = new Map<string, TypeInfo>();
    const named = new Map<string, string>();
    for (const node of parse(text, { noLocation: false }).definitions) {
      if (node.kind === Kind.SCHEMA_DEFINITION) {
        node.operationTypes.forEach(({ operation, type }) => named.set(type.name.value, operation));
      }
      const type = typeInfo(node);
      const known = type && types.get(type.name);
      if (known) {
        known.fields.push(...type.fields);
        known.values.push(...type.values);
      } else if (type) types.set(type.name, type);
    }
    const rank = ({ name }: TypeInfo) => {
      const operation = named.get(name);
      const at = roots.findIndex(root => root === name || root.toLowerCase() === operation);
      return at < 0 ? roots.length : at;
    };
    return { types: [...types.values()].sort((a, b) => rank(a) - rank(b)) };
  } catch (cause) {
    if (cause instanceof GraphQLError) {
      return { error: cause.message, line: cause.locations?.[0]?.line };
    }
    throw cause;
  }
}
