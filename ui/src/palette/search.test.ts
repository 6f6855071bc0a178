import { describe, expect, it, vi } from 'vitest';
import type { Entity } from '@/api/types';
import { rank } from './search';

vi.mock('@/app/services', () => ({ api: {} }));

const entity = (kind: string, name: string, description?: string): Entity => ({
  kind,
  metadata: { name, description },
});

describe('ranking of palette hits', () => {
  it('puts the exact name first, then prefixes, words, parts, descriptions, locations', () => {
    const items = [
      entity('Location', 'pay'),
      entity('Component', 'ledger', 'pays out'),
      entity('Component', 'repayment'),
      entity('Component', 'card-pay'),
      entity('Component', 'payments'),
      entity('API', 'pay'),
    ];
    expect(rank('Pay', items).map(({ kind, metadata }) => `${kind}/${metadata.name}`)).toEqual([
      'API/pay',
      'Component/payments',
      'Component/card-pay',
      'Component/repayment',
      'Component/ledger',
      'Location/pay',
    ]);
  });

  it('shows an entity once, though both questions found it', () => {
    expect(rank('a', [entity('API', 'a'), entity('API', 'a')])).toHaveLength(1);
  });
});
