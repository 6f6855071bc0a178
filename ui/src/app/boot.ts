/** One way to sign in, as configured on the server. */
export interface SignInProvider {
  /** The id in /api/auth/<id>/…, for example "guest". */
  id: string;
  title: string;
  /** One sentence shown under the button. */
  message?: string;
  /** Set where signing in needs no interaction: the guest, and gateways that vouch for the visitor. */
  silent?: boolean;
}

/** Who is signed in, and the token that proves it. */
export interface Grant {
  token: string;
  expiresInSeconds: number;
  provider: string;
  userEntityRef: string;
  ownershipEntityRefs: string[];
  profile?: { displayName?: string; email?: string; picture?: string };
}

/** The answer to a query that the page would otherwise have to ask for. */
export interface BootQuery {
  key: readonly unknown[];
  data: unknown;
}

/** What the server writes into the page; README.md describes it field by field. */
export interface Boot {
  config: {
    app: { title: string; baseUrl: string };
    organization?: { name?: string };
    providers: SignInProvider[];
    /** auth.environment; part of every call to an interactive provider. */
    environment?: string;
    /** Whether sign-in leaves the page in place of opening a window. */
    redirectFlow?: boolean;
    version?: { version: string; commit?: string };
  };
  theme?: string;
  identity?: Grant;
  /** The last change that the answers can tell of; what came later has to be followed. */
  seq?: number;
  queries?: BootQuery[];
}

const standalone: Boot = {
  config: {
    app: { title: 'Stagedoor', baseUrl: '' },
    providers: [{ id: 'guest', title: 'Guest', silent: true }],
  },
};

/** Reads the boot block out of a document; a page without one gets the defaults. */
export function readBoot(doc: Document): Boot {
  const text = doc.getElementById('stagedoor-boot')?.textContent;
  if (!text) return standalone;
  const boot = JSON.parse(text) as Partial<Boot>;
  return { ...boot, config: { ...standalone.config, ...boot.config } };
}
