/** One server-sent event. */
export interface ServerEvent {
  name: string;
  data: string;
  id?: string;
}

/**
 * Reads server-sent events out of pieces of text, wherever they were cut. Comments
 * and fields that nobody asked for are passed over.
 */
export function createEventReader(onEvent: (event: ServerEvent) => void) {
  let rest = '';
  let name = '';
  let data: string[] = [];
  let id: string | undefined;
  const line = (text: string) => {
    if (text === '') {
      if (data.length > 0) onEvent({ name: name || 'message', data: data.join('\n'), id });
      name = '';
      data = [];
      return;
    }
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(text) ?? [];
    if (field === 'event') name = value;
    else if (field === 'data') data.push(value);
    else if (field === 'id') id = value;
  };
  return (piece: string) => {
    const lines = (rest + piece).split(/\r?\n/);
    rest = lines.pop() ?? '';
    lines.forEach(line);
  };
}
