export interface Rpc {
  name: string;
  request: string;
  response: string;
  clientStreams: boolean;
  serverStreams: boolean;
  comment: string;
}

export interface Service {
  name: string;
  comment: string;
  rpcs: Rpc[];
}

export interface MessageField {
  name: string;
  type: string;
  number: string;
  comment: string;
}

export interface MessageType {
  kind: 'message' | 'enum';
  name: string;
  comment: string;
  fields: MessageField[];
}

export interface Proto {
  package: string;
  services: Service[];
  messages: MessageType[];
}

export type ProtoRead = Proto | { error: string; line: number };

interface Token {
  text: string;
  line: number;
  /** The comment right before, without its marks. */
  comment: string;
}

const pattern =
  /(\/\/[^\n]*|\/\*[\s\S]*?\*\/)|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|([\w.]+)|([^\s\w])/g;

function tokens(text: string): Token[] {
  const found: Token[] = [];
  let line = 1;
  let at = 0;
  let comment: string[] = [];
  for (const match of text.matchAll(pattern)) {
    line += text.slice(at, match.index).split('\n').length - 1;
    at = match.index;
    const [whole, remark] = match;
    if (remark) {
      comment.push(
        remark.replace(/^\/\/+\s?|^\/\*+\s?|\s*\*+\/$/g, '').replace(/\n\s*\*\s?/g, '\n'),
      );
    } else {
      found.push({ text: whole, line, comment: comment.join('\n').trim() });
      comment = [];
    }
  }
  return found;
}

class Failure extends Error {
  constructor(
    message: string,
    readonly line: number,
  ) {
    super(message);
  }
}

/** A reader of the shape of a .proto file; options and reserved numbers are passed over. */
class Reader {
  private at = 0;
  readonly proto: Proto = { package: '', services: [], messages: [] };

  constructor(private readonly all: Token[]) {}

  private next(): Token {
    const token = this.all[this.at++];
    if (token) return token;
    throw new Failure('The file ends in the middle of a definition.', this.all.at(-1)?.line ?? 1);
  }

  private expect(text: string) {
    const token = this.next();
    if (token.text !== text)
      throw new Failure(`Expected “${text}”, found “${token.text}”.`, token.line);
  }

  /** Passes over everything up to a semicolon or a balanced block. */
  private skip() {
    for (let depth = 0; ;) {
      const { text } = this.next();
      if (text === '{' || text === '[') depth++;
      else if (text === '}' || text === ']') {
        if (--depth === 0 && text === '}' && this.all[this.at]?.text !== ';') return;
      } else if (text === ';' && depth === 0) return;
    }
  }

  read(): Proto {
    while (this.at < this.all.length) {
      const token = this.next();
      if (token.text === 'package') {
        this.proto.package = this.next().text;
        this.expect(';');
      } else if (token.text === 'service') this.service(token.comment);
      else if (token.text === 'message') this.message(token.comment, '');
      else if (token.text === 'enum') this.enumeration(token.comment, '');
      else if (/^(syntax|edition|import|option|extend)$/.test(token.text)) this.skip();
      else if (token.text !== ';')
        throw new Failure(`“${token.text}” is not expected here.`, token.line);
    }
    return this.proto;
  }

  private service(comment: string) {
    const service: Service = { name: this.next().text, comment, rpcs: [] };
    this.proto.services.push(service);
    this.expect('{');
    for (let token = this.next(); token.text !== '}'; token = this.next()) {
      if (token.text === 'rpc') service.rpcs.push(this.rpc(token.comment));
      else if (token.text === 'option') this.skip();
      else if (token.text !== ';')
        throw new Failure(`Expected rpc, found “${token.text}”.`, token.line);
    }
  }

  private rpc(comment: string): Rpc {
    const name = this.next().text;
    const [request, clientStreams] = this.streamed();
    this.expect('returns');
    const [response, serverStreams] = this.streamed();
    if (this.all[this.at]?.text === '{') this.skip();
    else this.expect(';');
    return { name, request, response, clientStreams, serverStreams, comment };
  }

  private streamed(): [type: string, streams: boolean] {
    this.expect('(');
    const first = this.next().text;
    const streams = first === 'stream' && this.all[this.at]?.text !== ')';
    const type = streams ? this.next().text : first;
    this.expect(')');
    return [type, streams];
  }

  private message(comment: string, outer: string) {
    const name = outer + this.next().text;
    const message: MessageType = { kind: 'message', name, comment, fields: [] };
    this.proto.messages.push(message);
    this.expect('{');
    this.fields(message, '');
  }

  private fields(message: MessageType, note: string) {
    for (let token = this.next(); token.text !== '}'; token = this.next()) {
      if (token.text === 'message') this.message(token.comment, `${message.name}.`);
      else if (token.text === 'enum') this.enumeration(token.comment, `${message.name}.`);
      else if (token.text === 'oneof') {
        const choice = this.next().text;
        this.expect('{');
        this.fields(message, ` (one of ${choice})`);
      } else if (/^(option|reserved|extensions|extend)$/.test(token.text)) this.skip();
      else if (token.text !== ';') message.fields.push(this.field(token, note));
    }
  }

  private field(first: Token, note: string): MessageField {
    let type = first.text;
    if (/^(repeated|optional|required)$/.test(type)) type += ` ${this.next().text}`;
    if (type.endsWith('map')) {
      this.expect('<');
      const key = this.next().text;
      this.expect(',');
      type += `<${key}, ${this.next().text}>`;
      this.expect('>');
    }
    const name = this.next().text;
    this.expect('=');
    const number = this.next().text;
    this.skip();
    return { name, type: type + note, number, comment: first.comment };
  }

  private enumeration(comment: string, outer: string) {
    const message: MessageType = {
      kind: 'enum',
      name: outer + this.next().text,
      comment,
      fields: [],
    };
    this.proto.messages.push(message);
    this.expect('{');
    for (let token = this.next(); token.text !== '}'; token = this.next()) {
      if (/^(option|reserved)$/.test(token.text)) this.skip();
      else if (token.text !== ';') {
        this.expect('=');
        let number = this.next().text;
        if (number === '-') number += this.next().text;
        this.skip();
        message.fields.push({ name: token.text, type: '', number, comment: token.comment });
      }
    }
  }
}

/** Reads services, messages and enums of a .proto file; an error names its line. */
export function readProto(text: string): ProtoRead {
  try {
    return new Reader(tokens(text)).read();
  } catch (cause) {
    if (cause instanceof Failure) return { error: cause.message, line: cause.line };
    throw cause;
  }
}
