const { humanize } = require('debug');

module.exports = name => `${name}, in ${humanize(86400000)}.`;
