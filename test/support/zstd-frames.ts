/** Frames as the `zstd` program 1.5 writes them from its standard input, and ones that it would never write. */

/** What most of the frames hold: `count` lines of JSON. */
export const zstdLines = (count: number): string =>
  Array.from(
    { length: count },
    (_, n) => `{"id":${n},"name":"agent ${(n * 7919) % 104729}","ok":${n % 3 === 0}}\n`,
  ).join('');

const BASE64 = {
  /** Nothing. */
  empty: 'KLUv/SQAAQAAmenYUQ==',
  /** One letter. */
  letter: 'KLUv/QRYCQAAYVtujKk=',
  /** Level 3 with a checksum. */
  text: [
    'KLUv/QRY5QwAJlg3GYBLoQ1aSCmQtm14YETAtcjeKZP8HGiiSZ08ACsAKwC8ImtYN2/JWv9lvky/X09FrOvVqdXOaUBQEByvCBCx',
    'eGBwSIyDhSEwJMBBYVGgGImxSFAoDAFJjAGDARG010OkkDy9z/Rm4qqe+WhG6iQOT73MtO7SqvTZDes4dDFfkn0j5MiPwjJeHteW',
    'lqYmbXMW0vUR13p3JvPsfq2GXi2pIrO6+8h4+dVTVqjskDY9ypxrJpea72QV24s8rZvvod8Q8WeZr3oK1c3H6IwvFU1uW+s+dzIR',
    'e9lETkYc3xeAjKjBQGsc3/8MYDMjHhEoFIYIESMsFE16jQrL9vAht9GTa7k53OrvXUynB4BJX/qByx+zf9xiIO7j/71Ep8W+b+bd',
    'sUBwOvxX/AGunKH2Z5QHcCrD2BiAdOQhFaD5uFIPwIoZwFIaVxlwfeeSKuf+8Mkd6KulfoDw2ah6Kxon+dwDQJFMDiFM8CDw2LOv',
    'k+R6lGAnVc4lm1WeV2RWqXyig07ipZ8oPqZVuaNmufCJImKWl6zxVFsMwgPoKmZGM14=',
  ].join(''),
  /** Level 19 without one. */
  unchecked: [
    'KLUv/QBoNQsAVto7GpA5ywGrjGrAhz8+lJmdIFJKmVJKBvLW9QYgRAAuAC4AxVVsaIvYhpviW6HW/3gfy+vVy8jq+ZSl0kcFBhQE',
    '1GoGoMHCggQNCYcCCA4IhzhoYFgYoHBIOCwcUGA4IETCIQCBA4Ojvz6gbDGhmK0PezIpPFMWuYSM+WTcpQ+yc1dHU5qLirNPjSIP',
    '75tOvHExVmI8jlbYzTSa5djcOcOlVlUtXlHvl0YoH+nEjLxEU3cJ7W28anYN6cqNGG0tWPSQAY+S60IN04jZOfmmvCiyx4b8mn4h',
    'UzxJivbKjOI2deqsC1ki6OOhiAvJ6LtM1wF4qBHQVAHS7d8BgBdXBxEoCAFCMMIXLH5hlQAmNYRZ6OGgtXMBRsUYz70Alwprxfxz',
    '8pMqaJKpRHCZXkluAtqiQkfcLv1MCZdBx9vywHALqp8AIZeaA4j3ZqmIHGe/fxnZuztT6n3zHFnfdpZZQP2+GA9gqw==',
  ].join(''),
  /** Level -9. */
  fast: [
    'KLUv/QRIBRkAJCt7ImlkIjowLCJuYW1lIjoiYWdlbnQgMCIsIm9rIjp0cnVlfQp7ImlkIjoxLCJuYW1lIjoiYWdlbnQgNzkxOSIs',
    'Im9rIjpmYWxzZX0KeyJpZCI6MjE1ODM4Iiwib2siOmZhbHNlfQp7ImlkIjozMjM3NTciLCJvayI6dHJ1ZX0KeyJpZCI6NDMxNjc2',
    'NSwibmFtZSI6Mzk1OTU2LCJuYW1lIjo0NzUxNDcsIm5hbWUiOjU1NDMzIiwibzgsIm5hbWUiOjYzMzUyIiwibzksIm5hbWUiOjcx',
    'MjcxIiwibzEwNzkxOTAiLCJvMTg3MTA5MTk1MDI4MTMxMDI5NDc0LCJuYW1lIjo2MTM3Iiwib2siOmZhbHNlfQp7NSwibmFtZSI6',
    'NDA1NjYsIm5hbWUiOjIxOTc1NywibmFtZSI6Mjk4OTQ4LCJuYW1lIjozNzgxMzksIm5hbWUiOjQ1NzMyMjAsIm5hbWUiNTM2NTEx',
    'LCJuYW1lIjo2MTU3MDIyLCJuYW1lIjY5NDg5IiwibzMsIm5hbWUiOjc3NDA4IiwibzQsIm5hbWUiOjg1MzI3IiwibzUsIm5hbWUi',
    'OjkzMjQ2IiwibzYsIm5hbWUiOjEwMTE2NTI3LCJuYW1lIjQzNTU4LCJuYW1lIjoxMjI3NCIsIm85LCJuYW1lIjoyMDE5MyIsIm8z',
    'MCwibmFtZSIyODExMiIsIm8zMSwibmFtZSIzNjAzMSIsIm8zMiwibmFtZSI0Mzk1MDMzLCJuYW1lIjUxODY5MzQsIm5hbWUiNTk3',
    'ODgiLCJvMzUsIm5hbWUiNjc3MDciLCJvMzYsIm5hbWUiNzU2MjYiLCJvMzcsIm5hbWUiODM1NDUiLCJvMzgsIm5hbWUiOTE0NjQ5',
    'LCJuYW1lIjo5OTM4MyIsIm9rIjp0cnVlfQpJqBEwDIGhGaG9R7VmUDND3REoRCwsUhXUHoj7PHPOGsbue7zm13FgVmLm6TtLhRhk',
    '1wSadQJEKg2cLAHrl7Bmwf4bE1C3LjTSFRqAIb0Zdy7kP3izPidJ0fM46V7QMbGjUKQ1KPGof1oKqwJ9/lKr',
  ].join(''),
  /** One that says the size of its content. */
  sized: [
    'KLUv/WSxCIUMAKbWNBmAS6ENWkgpkLZteGBEwLXI3imT/BxookmdOQApACkAw7p5S9b6L/Nl+v16KmJdr06tdk4DgoLgeEWAiMUD',
    'g0NiHCwMgSEBDgqLAsVIjEWCQmEISGIMGAyIHiKF4+nN9DbiKvPR1EnDUz+tu7QqfXbDOg7RxXxJLt8IbeRHYRlFyAqmjeOzkK6P',
    '2Hp3JfOsfq069GpJFZnV3UfGy6+eskJlh7TpUeZcM7S/AZeaj6xiq/seuiHifdUL1c2NzngqmtzWOs+dzCL2somcTBzfHtduaRp6',
    'qGFMTMS2fwcgY2bGPBEgBAiCIASFmFSINB8COBUIcOEGS1P1UhajWt6zHOBkX5NYpXVJla62+v3y9GIuldaTImmFtdsvS69jpnfv',
    'kiJdbuf7bV0LwPhklQ8YQJ400DJzJwbAvJe2kmKknR4NRwsdfT9LhfRnZlGj/2Sp3UuaYP5RAyxHjV3RZrKrCpjQCFZF7kLVBfh2',
    'Ojj7N9Er6uLwG0+FA9FPwExmoToQ/ATMZLYsZ1UkDYJn9VVmRjNe',
  ].join(''),
  /** Level 19, an 8 MiB window, and matches across three blocks. */
  far: [
    'KLUv/QRo3AUAggkbFoBNB6pjcAoYAKSMmGxTuJL80DCp9B4Fkdq8r+itvu+fzf2Ya/Etciuu7f08VM/jzz9sxzvETuxPVl2uusy9',
    'yL2Ln1959ULd5tZUV2fMiCGQx28EqmOCpMGWxwS7QHKOhLDBjoZwTLjBDMWoKagR8I2A2evfASBHUpkDETgMgSHMyEbovO7//x3J',
    '/K2o3kj4lvTbmfpzyRTgfVtIm3qF4+KyfjBA91QbmoJpnjoWcFljoYKIeNZRBUQAAAABAP3/5Q4IbQAAAAIALysuQRU8XHQABJKS',
    'FOY=',
  ].join(''),
  /** Blocks of a kilobyte, which share tables. */
  small: [
    'KLUv/QQA/AYAssodG3BJ0wb+o1JRBW1EMPr/EU1Skly5aXi56lnvBWUuRfeXS6y7WDWay+6zllsvS1afLUTT1Va8Xxa1yFnqSymb',
    'b199ls2wmJ39q3/odJrxWLv7VlasuKVgYAhk8z00HAsJSTEFCEMMASTIMWBMMceBgQxBxQQQDEMzqGF4AcG6/TvwYoqmBxEoCIIQ',
    'EkRAglFxd2jDaNRnhUjXM+uNLiULbE4KzTwfAehHsRFtkDzAAeXKGPWEq5WRALyGOvGcuc3lClQawt9xUdHLmPFriqbgZcz4ixcC',
    'Kf+28ACwClQEAKOIEOlKY0Gi4r8QGbF1vquzOzO0XmldHrV3F12xzDS8ZrGzlVuhb6cfS3n6EktNTruyGqHVqi1lWaq8V7XYdoUt',
    'ta4sHTS8QNIJPmypyUQDPuA1vf5y4gQz30h/ly3aywDLzBy4cchZFHH7kcKcSwJKtQ4dUwAKUmKWh0kZAzx4KU0ahLQYRliQXYQE',
    'AAOJEVd3Zyvj1QmL9QXJ6PiqxCvXgpV4tBsVscVppMSShVQvtOth8arQhCYrl1iMruCV3ecrzEKsqS+XtxI+y1UwS234FvJdsQc0',
    '+BFcERSIQBcRSj5SW8CWrlYemmZuGX5MoKmsIWxmFWx7TViuVRDdv1bdoQNdyMKD68aXAyjAHspNEdMeFrtsKBofrlSHp2wEAJPJ',
    'EghDTDrrCh3ZXn1hUqWtVHuHZvkStdKuyiaaXaF8D58lr2DJm/CEWMbe71wF7QplKSslqaoYydqrqThLzRtdltJieWbLkUrRXbRC',
    'IjPosDMKcxEcEQwhOBIR5AcnNqY6ArNsyy7gY12aSd1MuYmplh7vBnDkCub207yGBywrHvOQtx/GyeLfNxcgDnUAADhrOTUwODc4',
    'A9wAwcISFqP4Aw==',
  ].join(''),
  /** A window of 128 MiB. */
  wide: [
    'KLUv/QSINQsAVto7GpA5ywGrjGrAhz8+lJmdIFJKmVJKBvLW9QYgRAAuAC4AxVVsaIvYhpviW6HW/3gfy+vVy8jq+ZSl0kcFBhQE',
    '1GoGoMHCggQNCYcCCA4IhzhoYFgYoHBIOCwcUGA4IETCIQCBA4Ojvz6gbDGhmK0PezIpPFMWuYSM+WTcpQ+yc1dHU5qLirNPjSIP',
    '75tOvHExVmI8jlbYzTSa5djcOcOlVlUtXlHvl0YoH+nEjLxEU3cJ7W28anYN6cqNGG0tWPSQAY+S60IN04jZOfmmvCiyx4b8mn4h',
    'UzxJivbKjOI2deqsC1ki6OOhiAvJ6LtM1wF4qBHQVAHS7d8BgBdXBxEoCAFCMMIXLH5hlQAmNYRZ6OGgtXMBRsUYz70Alwprxfxz',
    '8pMqaJKpRHCZXkluAtqiQkfcLv1MCZdBx9vywHALqp8AIZeaA4j3ZqmIHGe/fxnZuztT6n3zHFnfdpZZQP2+GA9gq2ZGM14=',
  ].join(''),
  /** Three megabytes of zeros. */
  zeros: [
    'KLUv/QRYVAAAEAAAAQD7/znAAgIAEAACABAAAgAQAAIAEAACABAAAgAQAAIAEAACABAAAgAQAAIAEAACABAAAgAQAAIAEAACABAA',
    'AgAQAAIAEAACABAAAgAQAAIAEAACABAAAgAQAAM2DgADya/W',
  ].join(''),
  /** The secret of the attacks, five times. */
  secret: [
    'KLUv/QRoXQIABARiZWZvcmUgc2stbGl2ZS8wMTIzKzQ1Njc4OT1hYmMmZGVmfiJxdW90ZWQiIGJlaGluZCwgeyJ0b2tlbiI6IiJ9',
    'AgC1IhFlLqWgpOGqzg==',
  ].join(''),
} as const;

export const ZSTD_FRAMES = Object.fromEntries(
  Object.entries(BASE64).map(([name, base64]) => [name, Buffer.from(base64, 'base64')]),
) as Readonly<Record<keyof typeof BASE64, Buffer>>;

const KINDS = { raw: 0, rle: 1, compressed: 2, reserved: 3 } as const;
const MAGIC = Buffer.from('28b52ffd', 'hex');
/** A window of 128 KiB, so that a block may be as long. */
export const PLAIN_HEADER = Buffer.from([0x00, 0x38]);

export function zstdBlock(
  kind: keyof typeof KINDS,
  content: Uint8Array,
  { isLast = false, size = content.length }: { isLast?: boolean; size?: number } = {},
): Buffer {
  const header = Buffer.alloc(3);
  header.writeUIntLE((size << 3) | (KINDS[kind] << 1) | Number(isLast), 0, 3);
  return Buffer.concat([header, content]);
}

export const zstdFrame = (blocks: readonly Buffer[], header: Uint8Array = PLAIN_HEADER): Buffer =>
  Buffer.concat([MAGIC, header, ...blocks]);

export const zstdSkippable = (content: Uint8Array): Buffer => {
  const header = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
  header.writeUInt32LE(content.length, 4);
  return Buffer.concat([header, content]);
};

/** Four bytes for each 128 KiB. */
export const zstdRleBomb = (blocks: number): Buffer =>
  zstdFrame(
    Array.from({ length: blocks }, (_, nth) =>
      zstdBlock('rle', Buffer.from('a'), { size: 131_072, isLast: nth === blocks - 1 }),
    ),
  );

/** Ten bytes that ask for 98 047 copies of 65 539 bytes each, six thousand million steps for a decoder that does not look where it writes. */
export const ZSTD_COPY_BOMB = zstdFrame([
  zstdBlock('compressed', Buffer.from([8, 0x61, 255, 255, 255, 0x54, 0, 0, 52, 1]), { isLast: true }),
]);
