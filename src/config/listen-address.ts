export type ListenAddress =
  Readonly<{ kind: 'tcp'; host: string; port: number }> | Readonly<{ kind: 'unix'; path: string }>;

const TCP = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})$/;
/** `sun_path` holds 108 bytes on Linux and 104 on macOS, its closing zero included. */
const SOCKET_PATH_BYTES_MAX = 103;

/** `host:port`, `[v6]:port` or `unix:/absolute/path`; null when it is none of them. */
export function parseListenAddress(text: string): ListenAddress | null {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    return path.startsWith('/') && Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX ? { kind: 'unix', path } : null;
  }
  const [, host, digits] = TCP.exec(text) ?? [];
  const port = Number(digits);
  if (host === undefined || port > 65_535) return null;
  return { kind: 'tcp', host: host.replace(/^\[|\]$/g, ''), port };
}
