/** Pictures to send: three good ones and a few that are not what they say. */
import sharp from "sharp";

export type PictureName = "person" | "garment" | "style" | "text" | "empty" | "truncated" | "tiny" | "gif" | "huge";

const HUGE_BYTES = 10_485_761;

function plain(format: "png" | "jpeg" | "webp" | "gif", side: number, background: string): Promise<Buffer> {
  return sharp({ create: { width: side, height: side, channels: 3, background } })
    .toFormat(format)
    .toBuffer();
}

/** All of them, by name. */
export async function drawPictures(): Promise<Readonly<Record<PictureName, Buffer>>> {
  const [person, garment, style, tiny, gif] = await Promise.all([
    plain("jpeg", 96, "#b5651d"),
    plain("png", 96, "#1d65b5"),
    plain("webp", 96, "#65b51d"),
    plain("png", 8, "#000000"),
    plain("gif", 96, "#ffffff"),
  ]);
  return {
    person,
    garment,
    style,
    tiny,
    gif,
    text: Buffer.from("this is no picture"),
    empty: Buffer.alloc(0),
    truncated: garment.subarray(0, Math.floor(garment.length * 0.6)),
    huge: Buffer.concat([garment, Buffer.alloc(HUGE_BYTES - garment.length)]),
  };
}
