const ms = require('ms');

module.exports = (from) => `Hello from ${from}, in ${ms(86400000)}.\n`;
