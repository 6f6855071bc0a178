const tones: Record<string, string> = {
  production: 'green',
  experimental: 'amber',
  deprecated: 'red',
};

/** The colour of the dot before a lifecycle; none for those that a company made up. */
export const lifecycleTone = (lifecycle: string): string | undefined =>
  tones[lifecycle.toLowerCase()];
