import { describe, expect, it } from 'vitest';
import { readQuestion } from './question';

describe('readQuestion', () => {
  it.each([
    ['', undefined],
    ['https://x.example/a.yaml', { sort: 'target', target: 'https://x.example/a.yaml' }],
    ['/srv/catalog-info.yaml', { sort: 'target', target: '/srv/catalog-info.yaml' }],
    ['file:/srv/a.yaml', { sort: 'target', target: 'file:/srv/a.yaml' }],
    ['Component:Pay', { sort: 'entity', entityRef: 'component:default/pay' }],
    [' Pay ', { sort: 'name', name: 'pay' }],
  ])('reads %j', (text, want) => expect(readQuestion(text)).toEqual(want));
});
