// Look-ups of whole records a second of CPU with libmaxminddb alone: what places are held against. mmdb FILE ADDRESSES SECONDS
#include <arpa/inet.h>
#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double cpu(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int count, char **words) {
    static unsigned addresses[65536];
    MMDB_s database;
    if (count != 4 || MMDB_open(words[1], MMDB_MODE_MMAP, &database)) return 2;
    FILE *file = fopen(words[2], "rb");
    if (!file || fread(addresses, 4, 65536, file) != 65536) return 3;
    long number = 0, found = 0;
    double begin = cpu(), seconds = atof(words[3]);
    while (cpu() - begin < seconds) {
        for (int round = 0; round < 200; round++, number++) {
            struct sockaddr_in socket;
            memset(&socket, 0, sizeof socket);
            socket.sin_family = AF_INET;
            socket.sin_addr.s_addr = htonl(addresses[number & 65535]);
            int error = 0;
            MMDB_lookup_result_s result = MMDB_lookup_sockaddr(&database, (struct sockaddr *)&socket, &error);
            if (!result.found_entry) continue;
            found++;
            MMDB_entry_data_list_s *list = NULL;
            MMDB_get_entry_data_list(&result.entry, &list);
            MMDB_free_entry_data_list(list);
        }
    }
    printf("{\"per_cpu_second\":%.0f,\"found\":%.3f}\n", number / (cpu() - begin), found / (double)number);
    return 0;
}
