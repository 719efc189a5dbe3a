/** Words and runs that common passwords are made of: alone, doubled, or dressed up with digits and signs. */
const STEMS = `
abc abcd abc123 access admin administrator adminadmin alexander america amanda andrea andrew angel anthony arsenal
asdf asdfasdf asdfgh asdfghjkl ashley austin azerty azertyuiop babygirl bailey banana barcelona baseball
basketball batman beautiful biteme buster butterfly changeme changeit changethis charlie cheese chelsea chicken chocolate
christian christopher computer cookie corvette cowboys daniel default diamond dolphin donald dragon eagles elephant elizabeth
esfahan estekbal esteghlal evangelion facebook falcon family fatemeh ferrari flower football forever freedom friend friends
fuckyou gandalf george ginger google guest hamid hannah harley heather hello helloworld hossein hunter
iloveu iloveyou internet iran iranian isfahan jasmine jennifer jessica jesus jonathan jordan joshua justin killer
laravel letmein linkedin liverpool login london lovely loveme loveyou maggie manchester manager master matrix matthew maverick
melissa mercedes merlin metallica michael michelle microsoft mohammad mohammed mohamad monkey mother mustang naruto
newpassword nicole nothing oracle orange p@ssw0rd p@ssword pa55word parola parsian pass passcode passpass passphrase passw0rd
password passwort patrick peanut pepper perspolis persepolis phoenix pokemon princess purple qazwsx qazwsxedc
qwe qweasd qweasdzxc qwer qwert qwerty qwertyui qwertyuiop qwertz ranger rainbow rebecca robert rockyou root rosebud
salam samantha samsung scooter secret security shadow silver slipknot snoopy soccer sparky spiderman starwars steelers
stephanie student success summer sunshine superman superstar sysadmin tehran temp temporary test tester testing testtest thomas
thunder tigger toor trustno1 tweety unknown user username vanessa victoria warcraft welcome whatever william winter wordpass
yamaha yankees zaq12wsx zxcvbn zxcvbnm 1q2w3e 1q2w3e4r 1q2w3e4r5t 1qaz 1qaz2wsx 1qaz2wsx3edc q1w2e3r4 q1w2e3r4t5 qwe123
alhamdulillah alireza allahuakbar amirhossein barbie besiktas bismillah blackberry buttercup cheerleader contrasena
contraseña cristiano fenerbahce galatasaray juventus khodaya love mahdi marlboro minecraft mohammadreza motdepasse
pakistan pass123 pineapple realmadrid ronaldo senha spongebob strawberry subhanallah telekom tinkerbell turktelekom
volleyball zahra
`;

/** Rows of keyboards and of the alphabet; four neighbours or more in a row, either way, make a walk. */
const WALKS = [
  "01234567890",
  "abcdefghijklmnopqrstuvwxyz",
  "qwertyuiop",
  "asdfghjkl",
  "zxcvbnm",
  "azertyuiop",
  "qwertzuiop",
  "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
  "1q2w3e4r5t6y7u8i9o0p",
  "q1w2e3r4t5y6u7i8o9p0",
  "qazwsxedcrfvtgbyhnujmikolp",
  "112233445566778899001122",
  "147258369",
  "789456123",
  "1029384756",
  "135792468013579",
  "!@#$%^&*()",
  "ضصثقفغعهخحجچ",
  "شسیبلاتنمکگ",
  "ظطزرذدپو",
  "۰۱۲۳۴۵۶۷۸۹۰",
];
const WALK_LENGTH = 4;
const BOTH_WAYS = WALKS.flatMap((row) => [row, [...row].reverse().join("")]);

const stems = new Set(STEMS.trim().split(/\s+/));
/** What is around a word is taken away from both ends, and from these would take the end of the word. */
const stemsWithDigits = [...stems].filter((stem) => /\P{L}$/u.test(stem));
const LEET: Readonly<Record<string, string>> = {
  "@": "a",
  "4": "a",
  "3": "e",
  "1": "i",
  "0": "o",
  $: "s",
  "5": "s",
  "7": "t",
};

function withoutLeet(text: string): string {
  return text.replace(/[@4310$57]/g, (sign) => LEET[sign] ?? sign);
}

/** Whether a text is one unit over and over: one character, `abcabcabc`, `12121212`. */
function repeatedUnit(text: string): string | null {
  for (let length = 1; length <= text.length / 2; length++) {
    const unit = text.slice(0, length);
    if (unit.repeat(Math.ceil(text.length / length)).startsWith(text)) return unit;
  }
  return null;
}

/** The text without its keyboard walks: what is left is what somebody has thought of. */
function withoutWalks(text: string): string {
  let rest = "";
  for (let at = 0; at < text.length; ) {
    const length = walkLengthAt(text, at);
    if (length < WALK_LENGTH) rest += text.charAt(at);
    at += length < WALK_LENGTH ? 1 : length;
  }
  return rest;
}

function walkLengthAt(text: string, at: number): number {
  let longest = 0;
  for (let length = WALK_LENGTH; at + length <= text.length; length++) {
    if (!BOTH_WAYS.some((row) => row.includes(text.slice(at, at + length)))) break;
    longest = length;
  }
  return longest;
}

function isStem(text: string): boolean {
  return stems.has(text) || stems.has(withoutLeet(text));
}

/** Whether a stem that ends in digits is followed by more of them, or by signs. */
function isLengthenedStem(text: string): boolean {
  return stemsWithDigits.some((stem) => text.startsWith(stem) && !/\p{L}/u.test(text.slice(stem.length)));
}

/**
 * Whether a password is among those tried first: a common word or keyboard walk, also doubled, with digits and signs
 * around it or in place of letters; or next to nothing beside walks and repetition. No list replaces length: this
 * keeps out the worst.
 */
export function isCommonPassword(password: string): boolean {
  const text = password.toLowerCase();
  const core = text.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, "");
  for (const candidate of [text, core, withoutLeet(text)]) {
    if (isStem(candidate) || isStem(repeatedUnit(candidate) ?? "")) return true;
  }
  if (isLengthenedStem(text)) return true;
  const unit = repeatedUnit(text);
  return (unit !== null && unit.length <= 4) || withoutWalks(text).length <= 3;
}
