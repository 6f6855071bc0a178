export type Language = 'yaml' | 'json' | 'graphql' | 'proto' | 'text';

export interface Token {
  text: string;
  sort?: 'comment' | 'string' | 'number' | 'keyword' | 'key' | 'punctuation';
}

type Rule = [RegExp, Token['sort']];

/** The first rule that matches at a place wins; every pattern is sticky. */
const grammars: Record<Exclude<Language, 'text'>, Rule[]> = {
  yaml: [
    [/#.*/y, 'comment'],
    [/[\w$./@-]+(?=\s*:(\s|$))/y, 'key'],
    [/"(?:[^"\\]|\\.)*"(?=\s*:(\s|$))|'(?:[^']|'')*'(?=\s*:(\s|$))/y, 'key'],
    [/"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'/y, 'string'],
    [/(?:true|false|null|~)(?=\s|$|,|\])/y, 'keyword'],
    [/-?\d+(?:\.\d+)?(?=\s|$|,|\])/y, 'number'],
    [/[[\]{},:|>-](?=\s|$|[[{])|[[\]{}]/y, 'punctuation'],
    [/[&*!][\w/-]+/y, 'keyword'],
  ],
  json: [
    [/"(?:[^"\\]|\\.)*"(?=\s*:)/y, 'key'],
    [/"(?:[^"\\]|\\.)*"/y, 'string'],
    [/\b(?:true|false|null)\b/y, 'keyword'],
    [/-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y, 'number'],
    [/[[\]{},:]/y, 'punctuation'],
  ],
  graphql: [
    [/#.*/y, 'comment'],
    [/"""[\s\S]*?"""|"(?:[^"\\]|\\.)*"/y, 'string'],
    [
      /\b(?:type|interface|union|enum|input|scalar|schema|extend|implements|directive|on|query|mutation|subscription|fragment|true|false|null)\b/y,
      'keyword',
    ],
    [/[A-Za-z_]\w*(?=\s*[:(])/y, 'key'],
    [/@\w+/y, 'keyword'],
    [/-?\d+(?:\.\d+)?/y, 'number'],
    [/[[\]{}()!=|&:,]/y, 'punctuation'],
  ],
  proto: [
    [/\/\/.*/y, 'comment'],
    [/\/\*[\s\S]*?\*\//y, 'comment'],
    [/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/y, 'string'],
    [
      /\b(?:syntax|package|import|option|message|enum|service|rpc|returns|stream|repeated|optional|required|oneof|map|reserved|extend|extensions|public|to|max|true|false)\b/y,
      'keyword',
    ],
    [
      /\b(?:double|float|u?int32|u?int64|sint32|sint64|s?fixed32|s?fixed64|bool|string|bytes)\b/y,
      'key',
    ],
    [/\b\d+\b/y, 'number'],
    [/[[\]{}()<>=;,]/y, 'punctuation'],
  ],
};

const skip = /\w+|\s+|[^\w\s]/y;

/** Cuts a text into coloured pieces, a list a line. Nothing is lost or added. */
export function highlight(text: string, language: Language): Token[][] {
  const lines: Token[][] = [[]];
  const push = (piece: string, sort?: Token['sort']) => {
    piece.split('\n').forEach((part, at) => {
      if (at > 0) lines.push([]);
      const line = lines[lines.length - 1];
      const last = line?.[line.length - 1];
      if (!line || part === '') return;
      if (last && last.sort === sort) last.text += part;
      else line.push({ text: part, sort });
    });
  };
  if (language === 'text') {
    push(text);
    return lines;
  }
  const rules = grammars[language];
  let at = 0;
  while (at < text.length) {
    let found: string | undefined;
    for (const [pattern, sort] of rules) {
      pattern.lastIndex = at;
      found = pattern.exec(text)?.[0];
      if (found) {
        push(found, sort);
        break;
      }
    }
    if (!found) {
      skip.lastIndex = at;
      found = skip.exec(text)?.[0] ?? text[at] ?? '';
      push(found);
    }
    at += found.length || 1;
  }
  return lines;
}
