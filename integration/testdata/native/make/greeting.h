/* greeting returns what the server answers. */
const char *greeting(void);
