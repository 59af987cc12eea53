#ifndef POSTERN_PASSWORD_WORDS_H
#define POSTERN_PASSWORD_WORDS_H

/// The word lists, as Scripts/password-words.py wrote them: part of the program's image, shared by all processes that run it.
const void *postern_password_words(void);

#endif
