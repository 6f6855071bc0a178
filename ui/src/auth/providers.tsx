import {
  IconBrandAuth0,
  IconBrandAws,
  IconBrandAzure,
  IconBrandBitbucket,
  IconBrandCloudflare,
  IconBrandGithub,
  IconBrandGitlab,
  IconBrandGoogle,
  IconBrandOauth,
  IconBrandWindows,
  IconCircle,
  IconCircleNumber1,
  IconId,
  IconKey,
  IconUserCircle,
  type Icon,
} from '@tabler/icons-react';
import type { SignInProvider } from '@/app/boot';

const icons: Record<string, Icon> = {
  guest: IconUserCircle,
  auth0: IconBrandAuth0,
  awsalb: IconBrandAws,
  azureEasyAuth: IconBrandAzure,
  bitbucket: IconBrandBitbucket,
  cfaccess: IconBrandCloudflare,
  gcpIap: IconBrandGoogle,
  github: IconBrandGithub,
  gitlab: IconBrandGitlab,
  google: IconBrandGoogle,
  microsoft: IconBrandWindows,
  oauth2: IconBrandOauth,
  oidc: IconId,
  okta: IconCircle,
  onelogin: IconCircleNumber1,
};

export function ProviderIcon({ id }: { id: string }) {
  const Glyph = icons[id] ?? IconKey;
  return <Glyph size={18} stroke={1.7} aria-hidden />;
}

/** Whether a proxy in front of the portal vouches for its visitors. */
export const isGateway = ({ id, silent }: SignInProvider) => Boolean(silent) && id !== 'guest';

/** What the button says. */
export function signInLabel(provider: SignInProvider): string {
  if (provider.id === 'guest') return 'Enter as guest';
  return isGateway(provider) ? `Continue with ${provider.title}` : `Sign in with ${provider.title}`;
}
