export const TELEGRAM_BASE_URL = "https://api.telegram.org";
