import { ApiError, errorFrom } from './errors';

/** Where requests get their bearer token from. */
export interface TokenSource {
  /** A token that is valid now, or undefined when nobody is signed in. */
  token(): Promise<string | undefined>;
  /** Called when the server refused a token; resolves to a new one if there is one. */
  renew(refused: string): Promise<string | undefined>;
}

export interface RequestOptions {
  signal?: AbortSignal;
  search?: URLSearchParams | string;
  body?: unknown;
}

export interface Client {
  get<T>(path: string, options?: Omit<RequestOptions, 'body'>): Promise<T>;
  post<T>(path: string, options?: RequestOptions): Promise<T>;
  put<T>(path: string, options?: RequestOptions): Promise<T>;
  delete(path: string, options?: Omit<RequestOptions, 'body'>): Promise<void>;
  /** The answer as it is, for a file. */
  download(path: string, options?: Omit<RequestOptions, 'body'>): Promise<Blob>;
}

/**
 * Makes the one client all pages share. Every request carries the token, can be
 * aborted, and fails with an {@link ApiError}; a 401 renews the token and tries
 * once more, so that an expired session is not seen by pages: while nobody is signed
 * in again, the request waits.
 */
export function createClient(tokens: TokenSource, fetcher: typeof fetch = fetch): Client {
  async function attempt(method: string, url: string, options: RequestOptions, token?: string) {
    const headers = new Headers({ Accept: 'application/json' });
    if (token) headers.set('Authorization', `Bearer ${token}`);
    if (options.body !== undefined) headers.set('Content-Type', 'application/json');
    try {
      return await fetcher(url, {
        method,
        headers,
        signal: options.signal,
        body: options.body === undefined ? undefined : JSON.stringify(options.body),
      });
    } catch (cause) {
      if (options.signal?.aborted) throw cause;
      throw new ApiError('NetworkError', 'The server could not be reached.', 0, `${method} ${url}`);
    }
  }

  async function ask(method: string, path: string, options: RequestOptions): Promise<Response> {
    const search = options.search?.toString();
    const url = search ? `${path}?${search}` : path;
    const token = await tokens.token();
    let response = await attempt(method, url, options, token);
    if (response.status === 401 && token) {
      const renewed = await tokens.renew(token);
      if (renewed) response = await attempt(method, url, options, renewed);
    }
    if (!response.ok) throw await errorFrom(response, `${method} ${url}`);
    return response;
  }

  async function send<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const response = await ask(method, path, options);
    const text = await response.text();
    return (text ? JSON.parse(text) : undefined) as T;
  }

  return {
    get: (path, options) => send('GET', path, options),
    post: (path, options) => send('POST', path, options),
    put: (path, options) => send('PUT', path, options),
    delete: (path, options) => send('DELETE', path, options),
    download: async (path, options = {}) => (await ask('GET', path, options)).blob(),
  };
}
