// Records what npm yaml 2.9.1 reads from the texts in texts.json:
//   npm install yaml@2.9.1 && node record.mjs > recorded.json
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';

const texts = JSON.parse(readFileSync(new URL('texts.json', import.meta.url), 'utf8'));
const cases = texts.map(text => {
  const parsed = parseAllDocuments(text, { merge: false });
  const documents = (parsed.empty ? [] : [...parsed]).map(document => {
    if (document.errors.length > 0) return { error: document.errors[0].message.split('\n')[0] };
    try {
      return { json: JSON.stringify(document.toJSON()) ?? 'null' };
    } catch (error) {
      return { error: error.message.split('\n')[0] };
    }
  });
  return { text, documents };
});
console.log(`[\n${cases.map(c => JSON.stringify(c)).join(',\n')}\n]`);
