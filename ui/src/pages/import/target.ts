/** What somebody pasted, cleaned up; undefined unless it is an address of the web. */
export function readTarget(text: string): string | undefined {
  const trimmed = text.trim();
  const address = /^[\w.-]+\.[a-z]{2,}\/\S+$/i.test(trimmed) ? `https://${trimmed}` : trimmed;
  try {
    const url = new URL(address);
    return /^https?:$/.test(url.protocol) && url.hostname !== '' ? address : undefined;
  } catch {
    return undefined;
  }
}

/** A file is read as it is; anything else is looked through for catalog files. */
export function isFile(target: string): boolean {
  const url = new URL(target);
  return /\.(ya?ml|json)$/i.test(decodeURIComponent(url.pathname)) || url.pathname.includes('*');
}

const forges: Record<string, string> = {
  'github.com': 'github',
  'gitlab.com': 'gitlab',
  'bitbucket.org': 'bitbucketCloud',
  'dev.azure.com': 'azure',
};

/** Whether the server refused to read because of whose address it is. */
export const isForbiddenHost = (message: string): boolean =>
  /backend\.reading\.allow|not (be )?allowed|private (network|address)|integration for the target host/i.test(
    message,
  );

/** What to add to the configuration so that a target may be read. */
export function configurationFor(target: string): string {
  const { host, hostname } = new URL(target);
  const forge = forges[hostname] ?? (/git(hub|lab)/.exec(hostname)?.[0] as string | undefined);
  if (forge) {
    const token = `\${${forge.replace(/Cloud$/, '').toUpperCase()}_TOKEN}`;
    return `integrations:\n  ${forge}:\n    - host: ${host}\n      token: ${token}\n`;
  }
  return `backend:\n  reading:\n    allow:\n      - host: ${host}\n`;
}

export interface Proposal {
  name: string;
  description: string;
  type: string;
  lifecycle: string;
  owner: string;
  annotations: Record<string, string>;
}

/** The catalog file that describes a component. */
export function fileOf(proposal: Proposal): Record<string, unknown> {
  const { name, description, type, lifecycle, owner, annotations } = proposal;
  return {
    apiVersion: 'backstage.io/v1alpha1',
    kind: 'Component',
    metadata: {
      name,
      ...(description && { description }),
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    spec: { type, lifecycle, owner },
  };
}

/** Why a name cannot be one; undefined for a good name. */
export function nameProblem(name: string): string | undefined {
  if (!name) return 'A name is needed.';
  if (name.length > 63) return 'At most 63 characters.';
  return /^[a-z0-9]+([-_.][a-z0-9]+)*$/i.test(name)
    ? undefined
    : 'Letters and digits, with -, _ or . between them.';
}
