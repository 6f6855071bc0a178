import { describe, expect, it } from 'vitest';
import { ApiError } from '@/api/errors';
import { PopupError } from './popup';
import { problemOf } from './problem';

describe('problemOf', () => {
  it.each([
    [new PopupError('PopupBlocked', ''), 'The sign-in window was blocked', true],
    [new PopupError('PopupClosed', ''), 'The sign-in window was closed', true],
    [new PopupError('NotAllowedError', 'no such user'), 'You were not signed in', undefined],
    [new ApiError('NotAllowedError', 'no', 403, ''), 'You were not signed in', undefined],
    [new ApiError('NetworkError', '', 0, ''), 'The server does not answer', undefined],
    [new ApiError('Error', '', 503, ''), 'The server is busy', undefined],
    [new Error('boom'), 'You could not be signed in', undefined],
  ])('says of %s: %s', (cause, title, leave) => {
    const problem = problemOf(cause);
    expect(problem).toMatchObject({ title });
    expect(problem.leave).toBe(leave);
    expect(problem.advice).not.toBe('');
  });
});
