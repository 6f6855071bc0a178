import {
  IconApi,
  IconBox,
  IconCube,
  IconDatabase,
  IconMapPin,
  IconSparkles,
  IconStack2,
  IconTemplate,
  IconTopologyStar3,
  IconUser,
  IconUsers,
  type Icon,
} from '@tabler/icons-react';

interface KindInfo {
  label: string;
  plural: string;
  icon: Icon;
}

/** The kinds everybody knows, in the order people look for them; others come from the server. */
const known: Record<string, KindInfo> = {
  component: { label: 'Component', plural: 'Components', icon: IconBox },
  api: { label: 'API', plural: 'APIs', icon: IconApi },
  resource: { label: 'Resource', plural: 'Resources', icon: IconDatabase },
  system: { label: 'System', plural: 'Systems', icon: IconStack2 },
  domain: { label: 'Domain', plural: 'Domains', icon: IconTopologyStar3 },
  group: { label: 'Group', plural: 'Groups', icon: IconUsers },
  user: { label: 'User', plural: 'Users', icon: IconUser },
  template: { label: 'Template', plural: 'Templates', icon: IconTemplate },
  airesource: { label: 'AI resource', plural: 'AI resources', icon: IconSparkles },
  location: { label: 'Location', plural: 'Locations', icon: IconMapPin },
};

const order = Object.keys(known);

/** "DataProduct" reads as "Data product"; abbreviations stay in capitals. */
function spaced(kind: string): string {
  const words = kind.replace(/([a-z0-9])(?=[A-Z])/g, '$1 ').split(' ');
  const lower = (word: string) => (/^[A-Z][a-z]/.test(word) ? word.toLowerCase() : word);
  return words.map((word, at) => (at === 0 ? word : lower(word))).join(' ');
}

function plural(word: string): string {
  if (/[^aeiou]y$/i.test(word)) return `${word.slice(0, -1)}ies`;
  return /(s|x|ch|sh)$/i.test(word) ? `${word}es` : `${word}s`;
}

/** Label, plural and icon of a kind; a custom kind is named as its entities spell it. */
export function kindInfo(kind: string): KindInfo {
  const label = spaced(kind);
  return known[kind.toLowerCase()] ?? { label, plural: plural(label), icon: IconCube };
}

/** The plural inside a sentence: "components", but "APIs". */
export function kindWord(kind: string): string {
  const word = kindInfo(kind).plural;
  return /^[A-Z][a-z]+\b/.test(word) ? word.toLowerCase() : word;
}

/** Sorts kinds: the well-known ones first, then custom ones by name, locations last. */
export function compareKinds(a: string, b: string): number {
  const rank = (kind: string) => {
    const at = order.indexOf(kind.toLowerCase());
    return kind.toLowerCase() === 'location' ? 1000 : at < 0 ? 500 : at;
  };
  return rank(a) - rank(b) || a.localeCompare(b);
}

export function KindIcon({ kind, size = 16 }: { kind: string; size?: number }) {
  const { icon: Glyph } = kindInfo(kind);
  return <Glyph size={size} stroke={1.6} aria-hidden className="kind-icon" />;
}
