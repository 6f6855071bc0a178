/** The error body every Stagedoor (and Backstage) endpoint answers with. */
interface ErrorEnvelope {
  error: { name: string; message: string };
  response?: { statusCode?: number };
}

/**
 * A request that did not succeed. `name` is the server's error name
 * (InputError, NotFoundError, …) or NetworkError when no answer came at all.
 */
export class ApiError extends Error {
  constructor(
    override readonly name: string,
    message: string,
    /** The HTTP status; 0 when the server could not be reached. */
    readonly status: number,
    /** Method and path, for the details of an error page. */
    readonly request: string,
  ) {
    super(message);
  }

  /** True when trying the same request again may help. */
  get temporary() {
    return this.status === 0 || this.status === 429 || this.status >= 502;
  }
}

function isEnvelope(body: unknown): body is ErrorEnvelope {
  const error = (body as ErrorEnvelope | null)?.error;
  return typeof error?.name === 'string' && typeof error.message === 'string';
}

/** The routes of OAuth have errors of their own form. */
interface OAuthError {
  error: string;
  error_description?: string;
}

function isOAuthError(body: unknown): body is OAuthError {
  return typeof (body as OAuthError | null)?.error === 'string';
}

/** Reads the error out of a failed response, envelope or not. */
export async function errorFrom(response: Response, request: string): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => undefined);
  if (isEnvelope(body)) {
    return new ApiError(body.error.name, body.error.message, response.status, request);
  }
  if (isOAuthError(body)) {
    const told = body.error_description ?? body.error;
    return new ApiError(body.error, told, response.status, request);
  }
  const text = response.statusText || 'no further explanation';
  return new ApiError(
    'HTTPError',
    `The server answered ${response.status}: ${text}.`,
    response.status,
    request,
  );
}
