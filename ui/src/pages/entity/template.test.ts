import { describe, expect, it } from 'vitest';
import { readTemplate } from './template';

const template = (spec: Record<string, unknown>) => ({
  kind: 'Template',
  metadata: { name: 't' },
  spec,
});

describe('readTemplate', () => {
  it('reads forms and steps', () => {
    const { pages, steps } = readTemplate(
      template({
        parameters: [
          {
            title: 'About',
            required: ['name'],
            properties: {
              name: { title: 'Name', type: 'string' },
              owner: { 'ui:field': 'OwnerPicker', type: 'string' },
              size: { enum: ['s', 'm'] },
            },
          },
        ],
        steps: [{ id: 'fetch', action: 'fetch:template', if: '${{ true }}' }],
      }),
    );
    expect(pages[0]?.fields.map(({ title, type, required }) => [title, type, required])).toEqual([
      ['Name', 'string', true],
      ['owner', 'OwnerPicker', false],
      ['size', 'one of 2', false],
    ]);
    expect(steps).toEqual([{ name: 'fetch', action: 'fetch:template', condition: true }]);
  });

  it('takes a single form and nothing at all', () => {
    expect(readTemplate(template({ parameters: { properties: { a: {} } } })).pages).toHaveLength(1);
    expect(readTemplate(template({}))).toEqual({ pages: [], steps: [] });
  });
});
