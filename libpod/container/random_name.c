/* SPDX-License-Identifier: Apache-2.0 */
/* Names for containers that were given none: a quality, and somebody who found a way over water, through numbers or into the unknown. */
#include <ctype.h>
#include <string.h>
#include <sys/random.h>

#include "libpod/container/container.h"
#include "pkg/cleanup/cleanup.h"

static const char *const adjectives[] = {
    "able",     "agile",   "airy",     "alert",    "amber",   "ample",   "apt",      "balmy",   "bold",    "brave",   "breezy",
    "bright",   "brisk",   "buoyant",  "calm",     "candid",  "careful", "cheery",   "clear",   "clever",  "cosy",    "crisp",
    "curious",  "daring",  "deft",     "eager",    "earnest", "easy",    "elated",   "fair",    "fleet",   "fond",    "frank",
    "free",     "fresh",   "friendly", "gallant",  "gentle",  "glad",    "golden",   "grand",   "handy",   "happy",   "hardy",
    "hearty",   "hopeful", "humble",   "jolly",    "keen",    "kind",    "lively",   "lucid",   "lucky",   "mellow",  "merry",
    "mild",     "modest",  "neat",     "nimble",   "noble",   "patient", "peaceful", "placid",  "playful", "polite",  "proud",
    "quick",    "quiet",   "ready",    "robust",   "rosy",    "sage",    "serene",   "sharp",   "silver",  "sincere", "sleek",
    "smooth",   "snug",    "sober",    "spirited", "sprightly", "stable", "steady",  "stout",   "sturdy",  "sunny",   "sure",
    "swift",    "tender",  "thrifty",  "tidy",     "tranquil", "trim",   "trusty",   "upright", "valiant", "vivid",   "warm",
    "wary",     "willing", "wise",     "witty",    "zesty",
};

static const char *const surnames[] = {
    "abel",      "adams",     "alhazen",   "amundsen",  "anning",    "archimedes", "avogadro",  "babbage",   "baffin",    "banks",
    "baret",     "barents",   "battuta",   "becquerel", "bering",    "bernoulli",  "bird",      "blackwell", "bohr",      "boole",
    "bose",      "boyle",     "brahe",     "brunel",    "burnell",   "cabot",      "cantor",    "carson",    "cartier",   "cassini",
    "cauchy",    "cavendish", "champlain", "cook",      "copernicus", "cousteau",  "curie",     "dalton",    "darwin",    "davy",
    "descartes", "dias",      "dijkstra",  "dirac",     "doppler",   "drake",      "earhart",   "einstein",  "eratosthenes", "erikson",
    "euclid",    "euler",     "faraday",   "fermat",    "fermi",     "feynman",    "fibonacci", "flamsteed", "flinders",  "forel",
    "foucault",  "fourier",   "franklin",  "frobisher", "galilei",   "galois",     "gama",      "gauss",     "germain",   "goodall",
    "goedel",    "halley",    "hamilton",  "harrison",  "heisenberg", "herschel",  "hertz",     "heyerdahl", "hilbert",   "hipparchus",
    "hooke",     "hopper",    "hubble",    "hudson",    "humboldt",  "huygens",    "hypatia",   "ibnmajid",  "jemison",   "joule",
    "kelvin",    "kepler",    "khayyam",   "kingsley",  "knuth",     "kovalevskaya", "lagrange", "lamarr",   "laplace",   "lavoisier",
    "leavitt",   "leibniz",   "linnaeus",  "lovelace",  "magellan",  "marconi",    "maury",     "maxwell",   "mcclintock", "meitner",
    "mendel",    "mendeleev", "mercator",  "mirzakhani", "morse",    "nansen",     "napier",    "newton",    "nightingale", "nobel",
    "noether",   "ohm",       "oersted",   "park",      "pascal",    "pasteur",    "peary",     "perkin",    "piccard",   "planck",
    "poincare",  "polo",      "ptolemy",   "pythagoras", "quimby",   "raman",      "ramanujan", "riemann",   "ride",      "roemer",
    "ross",      "rubin",     "russell",   "rutherford", "sagan",    "scoresby",   "shackleton", "shannon",  "slocum",    "snell",
    "somerville", "stokes",   "tasman",    "tereshkova", "tesla",    "thales",     "torricelli", "turing",   "vancouver", "vespucci",
    "volta",     "watt",      "weber",     "wegener",   "wilkes",    "wu",         "yonath",    "young",     "zeno",      "zhenghe",
};

static size_t random_below(size_t limit)
{
	uint32_t number = 0;
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		number = (uint32_t)time_now_ns();
	return number % limit;
}

char *container_random_name(void)
{
	return xasprintf("%s_%s", adjectives[random_below(ARRAY_SIZE(adjectives))], surnames[random_below(ARRAY_SIZE(surnames))]);
}

void container_random_id(char *out)
{
	text_random_hex(out, 32);
}

int container_name_check(const char *name, struct error *err)
{
	size_t length = strlen(name);
	bool valid = length > 0 && length < 256 && isalnum((unsigned char)name[0]);
	for (size_t i = 1; valid && i < length; i++)
		valid = isalnum((unsigned char)name[i]) || strchr("_.-", name[i]);
	if (!valid)
		return error_set(err, EINVAL,
				 "invalid container name \"%.64s\": letters and digits first, then also _ . and -, at most 255", name);
	return 0;
}
